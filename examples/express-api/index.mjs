// An Express application, unchanged by where it runs: serverless-http turns API Gateway's events into requests.
import express from 'express';
import serverless from 'serverless-http';

const app = express();
app.use(express.json());

const prices = { tea: 350, cake: 420 };

// A page that asks for the menu where it was loaded from, so that it works under any address.
const page = `<!doctype html>
<title>Menu</title>
<link rel="icon" href="logo.gif">
<h1>Menu</h1>
<ul></ul>
<script type="module">
  const menu = await (await fetch('menu')).json();
  for (const [dish, cents] of Object.entries(menu))
    document.querySelector('ul').append(Object.assign(document.createElement('li'), { textContent: dish + ' ' + cents }));
</script>`;
const logo = Buffer.from('R0lGODlhAQABAIAAAP8AAAAAACwAAAAAAQABAAACAkQBADs=', 'base64');

app.get('/', (_request, response) => response.type('html').send(page));

app.get('/logo.gif', (_request, response) => response.type('gif').send(logo));

app.post('/visits', express.urlencoded({ extended: false }), (request, response) => {
  response.cookie('guest', request.body.guest, { httpOnly: true }).cookie('seen', '1').redirect(303, 'menu');
});

app.get('/whoami', (request, response) =>
  response.json({ cookie: request.get('cookie') ?? null, query: request.query }),
);

app.get('/menu', (_request, response) => response.json(prices));

app.post('/tables/:table/bill', (request, response) => {
  const { lines } = request.body ?? {};
  if (!Array.isArray(lines)) return response.status(400).json({ error: 'lines is missing' });
  const unknown = lines.find((line) => !(line.dish in prices));
  if (unknown) return response.status(404).json({ error: `no ${unknown.dish} on the menu` });
  const totalCents = lines.reduce((sum, line) => sum + prices[line.dish] * line.count, 0);
  const { table } = request.params;
  response.status(201).json({ table, totalCents, waiter: request.get('x-waiter') ?? null });
});

export const handler = serverless(app, { binary: ['image/*'] });
