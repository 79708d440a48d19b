// A relay between a proxy and a server, which counts connections and sees which side closes them.

import { connect, createServer } from 'node:net';

export class Relay {
  connections = 0;
  /** The number of connections that the server closed first. */
  closedByServer = 0;
  #server;

  static async start(port) {
    const relay = new Relay();
    relay.#server = createServer({ allowHalfOpen: true, noDelay: true }, (proxy) => {
      relay.connections += 1;
      const server = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
      let first;
      proxy.on('end', () => (first ??= 'proxy'));
      server.on('end', () => {
        first ??= 'server';
        relay.closedByServer += first === 'server' ? 1 : 0;
      });
      proxy.pipe(server).pipe(proxy);
      // A reset ends both sides.
      proxy.on('error', () => server.destroy());
      server.on('error', () => proxy.destroy());
    });
    await new Promise((settle) => relay.#server.listen(0, '127.0.0.1', settle));
    relay.port = relay.#server.address().port;
    return relay;
  }

  stop() {
    this.#server.close();
  }
}
