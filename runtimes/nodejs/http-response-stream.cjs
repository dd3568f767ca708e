/** What `awslambda.HttpResponseStream` offers handlers: status, headers and cookies before the body of a stream. */

'use strict';

const contentType = 'application/vnd.awslambda.http-integration-response';
const delimiterBytes = 8;

// A class because user code knows it as one.
// biome-ignore lint/complexity/noStaticOnlyClass: the name and form are AWS's.
class HttpResponseStream {
  /**
   * @param {import('node:stream').Writable} stream the response stream, returned again
   * @param {{ statusCode?: number, headers?: Record<string, string>, cookies?: string[] }} prelude
   */
  static from(stream, prelude) {
    stream.setContentType(contentType);
    const text = JSON.stringify(prelude);
    stream._onBeforeFirstWrite = (write) => {
      write(text);
      write(new Uint8Array(delimiterBytes));
    };
    return stream;
  }
}

module.exports = { HttpResponseStream };
