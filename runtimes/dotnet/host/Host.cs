// Runs a handler ASSEMBLY::TYPE::METHOD by way of Amazon.Lambda.RuntimeSupport, which the package itself need not have.
using System.IO;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using System.Threading.Tasks;
using Amazon.Lambda.RuntimeSupport;

static class Host
{
    static Task Main(string[] arguments)
    {
        // Assemblies of the function are found by its deps.json; what only this program needs lies beside it.
        var folder = Path.GetDirectoryName(typeof(Host).Assembly.Location)!;
        AssemblyLoadContext.Default.Resolving += (context, name) =>
        {
            var path = Path.Combine(folder, name.Name + ".dll");
            return File.Exists(path) ? context.LoadFromAssemblyPath(path) : null;
        };
        return Run(arguments[0]);
    }

    // Apart from Main, which has to be there before the library is looked for.
    [MethodImpl(MethodImplOptions.NoInlining)]
    static Task Run(string handler) => new RuntimeSupportInitializer(handler).RunLambdaBootstrap();
}
