// An OPC UA server for tests: node opcua-node.js PORT DIR [VARIABLES MILLISECONDS]
//
// Device has variables that change every 50 ms with a source time one second back (temp, count), one whose status goes through
// good, uncertain and bad (quality), one with unit and range that takes values (set), one that takes none (fixed); and Types has
// one of each type. Model has a variable of an enumeration (color), a method (start), and an object Grown as long as grow is true; the
// server tells of it. Load has VARIABLES doubles that all change every so many MILLISECONDS.
const { OPCUAServer } = require("node-opcua-server");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const { SecurityPolicy, MessageSecurityMode } = require("node-opcua-secure-channel");
const { DataType, Variant, VariantArrayType } = require("node-opcua-variant");
const { StatusCodes } = require("node-opcua-status-code");
const { standardUnits } = require("node-opcua-data-access");
const { coerceLocalizedText, coerceQualifiedName } = require("node-opcua-data-model");
const { coerceNodeId } = require("node-opcua-nodeid");
const path = require("path");

const types = {
  Boolean: true, SByte: -7, Byte: 200, Int16: -300, UInt16: 60000, Int32: -70000, UInt32: 4000000000,
  Int64: [0, 5], UInt64: [0, 6], Float: 1.5, Double: 20, String: "a \"b\" é", DateTime: new Date("2026-01-31T08:00:00.500Z"),
  Guid: "72962B91-FA75-4AE6-8D28-B404DC7DAF63", ByteString: Buffer.from([1, 2, 255]), NodeId: coerceNodeId("ns=1;s=x"),
  StatusCode: StatusCodes.BadTimeout, QualifiedName: coerceQualifiedName({ namespaceIndex: 1, name: "q" }),
  LocalizedText: coerceLocalizedText("hot"),
};

(async () => {
  const port = +process.argv[2], dir = process.argv[3], variables = +(process.argv[4] || 0), pause = +(process.argv[5] || 100);
  const manager = new OPCUACertificateManager({ rootFolder: path.join(dir, "pki"), automaticallyAcceptUnknownCertificate: true });
  await manager.initialize();
  const server = new OPCUAServer({
    port, hostname: "127.0.0.1", host: "127.0.0.1", resourcePath: "/UA/Q",
    serverCertificateManager: manager, userCertificateManager: manager,
    securityPolicies: [SecurityPolicy.None, SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes128_Sha256_RsaOaep, SecurityPolicy.Aes256_Sha256_RsaPss],
    securityModes: [MessageSecurityMode.None, MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
    allowAnonymous: true,
    userManager: { isValidUser: (user, password) => user === "user" && password === "secret" },
    serverInfo: { applicationUri: "urn:quadrille:test:server" },
    serverCapabilities: {
      minSupportedSampleRate: 10, maxMonitoredItems: 100000, maxMonitoredItemsPerSubscription: 100000,
      operationLimits: { maxNodesPerRead: 400, maxNodesPerBrowse: 300, maxMonitoredItemsPerCall: 1000 },
    },
  });
  await server.initialize();
  const ns = server.engine.addressSpace.getOwnNamespace();
  const objects = server.engine.addressSpace.rootFolder.objects;
  const device = ns.addObject({ organizedBy: objects, browseName: "Device", nodeId: "s=Device" });
  const add = (of, name, dataType, value, more) =>
    ns.addVariable({ componentOf: of, nodeId: "s=" + name, browseName: name, dataType, value, minimumSamplingInterval: 10, ...more });
  const temp = add(device, "temp", "Double"), count = add(device, "count", "UInt32"), quality = add(device, "quality", "Double");
  add(device, "fixed", "Double", { dataType: DataType.Double, value: 1 }, { accessLevel: "CurrentRead", userAccessLevel: "CurrentRead" });
  ns.addAnalogDataItem({
    componentOf: device, nodeId: "s=set", browseName: "set", dataType: "Double", value: { dataType: DataType.Double, value: 1 },
    engineeringUnitsRange: { low: 0, high: 200 }, engineeringUnits: standardUnits.degree_celsius, minimumSamplingInterval: 10,
  });
  const folder = ns.addObject({ organizedBy: objects, browseName: "Types", nodeId: "s=Types" });
  for (const [name, value] of Object.entries(types)) add(folder, name, name, { dataType: DataType[name], arrayType: VariantArrayType.Scalar, value });
  add(folder, "Array", "Int32", { dataType: DataType.Int32, arrayType: VariantArrayType.Array, value: new Int32Array([1, 2, 3]) }, { valueRank: 1 });
  const model = ns.addObject({ organizedBy: objects, browseName: "Model", nodeId: "s=Model", nodeVersion: "1" });
  const color = ns.addEnumerationType({ browseName: "Color", enumeration: [{ displayName: "Red", value: 1 }, { displayName: "Green", value: 5 }] });
  ns.addVariable({ componentOf: model, nodeId: "s=color", browseName: "color", dataType: color.nodeId, value: { dataType: DataType.Int32, value: 5 } });
  ns.addMethod(model, {
    nodeId: "s=start", browseName: "start", outputArguments: [{ name: "done", dataType: DataType.Boolean }],
    inputArguments: [{ name: "speed", description: { text: "per minute" }, dataType: DataType.Double }, { name: "steps", dataType: DataType.Int32, valueRank: 1 }],
  }).bindMethod((_args, _context, callback) => callback(null, { statusCode: StatusCodes.Good, outputArguments: [{ dataType: DataType.Boolean, value: true }] }));
  let grown = null;
  ns.addVariable({
    componentOf: model, nodeId: "s=grow", browseName: "grow", dataType: "Boolean", minimumSamplingInterval: 10, value: {
      get: () => new Variant({ dataType: DataType.Boolean, value: grown !== null }),
      set: wanted => {
        if (wanted.value && !grown) grown = ns.addObject({ componentOf: model, browseName: "Grown", nodeId: "s=Grown" });
        if (!wanted.value && grown) { server.engine.addressSpace.deleteNode(grown); grown = null; }
        return StatusCodes.Good;
      },
    },
  });
  const load = ns.addObject({ organizedBy: objects, browseName: "Load", nodeId: "s=Load" });
  const all = Array.from({ length: variables }, (_, i) => add(load, "v" + i, "Double", { dataType: DataType.Double, value: 0 }));
  let n = 0, cycle = 0;
  const devices = setInterval(() => {
    n++;
    const at = new Date(Date.now() - 1000);
    temp.setValueFromSource({ dataType: DataType.Double, value: 20 + Math.sin(n / 10) }, StatusCodes.Good, at);
    count.setValueFromSource({ dataType: DataType.UInt32, value: n }, StatusCodes.Good, at);
    const status = [StatusCodes.Good, StatusCodes.UncertainLastUsableValue, StatusCodes.BadSensorFailure][Math.floor(n / 5) % 3];
    quality.setValueFromSource({ dataType: DataType.Double, value: n }, status, at);
  }, 50);
  const changes = variables === 0 ? null : setInterval(() => {
    cycle++;
    const at = new Date();
    for (const v of all) v.setValueFromSource({ dataType: DataType.Double, value: cycle }, StatusCodes.Good, at);
  }, pause);
  await server.start();
  console.log("READY " + server.getEndpointUrl());
  process.on("SIGTERM", async () => {
    clearInterval(devices);
    clearInterval(changes);
    await server.shutdown(0);
    process.exit(0);
  });
})().catch(error => { console.error(error); process.exit(1); });
