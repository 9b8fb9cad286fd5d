// Node's `ocpp-rpc` in strict mode (each message against its schema), answering and storing nothing.
const { RPCServer } = require("ocpp-rpc");

const server = new RPCServer({ protocols: ["ocpp1.6"], strictMode: true });
server.auth((accept) => accept({}));
server.on("client", (client) => {
  client.handle("BootNotification", () => ({
    status: "Accepted", interval: 300, currentTime: new Date().toISOString(),
  }));
  client.handle("StartTransaction", () => ({ transactionId: 1, idTagInfo: { status: "Accepted" } }));
  client.handle("MeterValues", () => ({}));
});
server.listen(Number(process.argv[2]), "127.0.0.1");
