// A server that answers `/readyz`, and breaks off every other request.

import { createServer } from 'node:net';

export class Broken {
  forms = 0;
  others = 0;
  #server;

  /** `readiness` is the status line for `/readyz`. */
  static async start(readiness) {
    const broken = new Broken();
    broken.#server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (data) => {
        const request = data.toString();
        if (request.startsWith('GET /readyz ')) {
          socket.end(`HTTP/1.1 ${readiness}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
          return;
        }
        broken.forms += request.startsWith('POST ') ? 1 : 0;
        broken.others += request.startsWith('POST ') ? 0 : 1;
        socket.destroy();
      });
    });
    await new Promise((settle) => broken.#server.listen(0, '127.0.0.1', settle));
    broken.port = broken.#server.address().port;
    return broken;
  }

  stop() {
    this.#server.close();
  }
}
