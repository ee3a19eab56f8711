// An edge node of Sparkplug B: edge.cjs BROKER-HOST:PORT GROUP NODE
const sparkplug = require('sparkplug-client')
const [address, groupId, edgeNode] = process.argv.slice(2)
const client = sparkplug.newClient({serverUrl: 'mqtt://' + address, username: '', password: '', groupId, edgeNode, clientId: groupId + '-' + edgeNode})
const now = () => Date.now()
const metric = (name, type, value, more) => ({name, type, value, timestamp: 1769846400500, ...more})

function births() {
	client.publishNodeBirth({timestamp: now(), metrics: [
		metric('Node Control/Rebirth', 'Boolean', false),
		metric('int8', 'Int8', -8), metric('int16', 'Int16', -1600), metric('int32', 'Int32', -320000),
		metric('int64', 'Int64', -9007199254740991), metric('uint8', 'UInt8', 200), metric('uint16', 'UInt16', 60000),
		metric('uint32', 'UInt32', 4000000000), metric('uint64', 'UInt64', 9007199254740991), metric('float', 'Float', 1.5),
		metric('double', 'Double', 0.1), metric('boolean', 'Boolean', true), metric('string', 'String', 'a "text"'),
		metric('datetime', 'DateTime', 1769846400500), metric('text', 'Text', 'ü'),
		metric('uuid', 'UUID', '2f1e4d0c-0000-4000-8000-000000000001'), metric('bytes', 'Bytes', Buffer.from([0, 1, 255])),
		metric('file', 'File', Buffer.from('file')), metric('null', 'Int32', null),
		metric('history', 'Double', 2.5, {isHistorical: true, isTransient: true}),
		metric('properties', 'Double', 3.5, {properties: {
			engUnit: {type: 'String', value: '°C'}, low: {type: 'Int32', value: 4},
			more: {type: 'PropertySet', value: {deep: {type: 'Boolean', value: true}}}}}),
		metric('dataset', 'DataSet', {numOfColumns: 2, columns: ['a', 'b'], types: ['String', 'Int32'], rows: [['x', 1], ['y', 2]]}),
		metric('template', 'Template', {isDefinition: false, templateRef: 'pump', version: 'v1',
			metrics: [metric('speed', 'Int32', 17)], parameters: [{name: 'serial', type: 'String', value: 'p-1'}]}),
	]})
	client.publishDeviceBirth('oven 3', {timestamp: now(), metrics: [
		metric('temperature', 'Double', 20, {alias: 10}), metric('on', 'Boolean', true, {alias: 11})]})
	console.log('born')
}

client.on('birth', births)
client.on('ncmd', (payload) => {
	if ((payload.metrics || []).some((m) => m.name === 'Node Control/Rebirth' && m.value)) births()
})
let n = 0
setInterval(() => {
	if (client.connected) client.publishDeviceData('oven 3', {timestamp: now(), metrics: [{alias: 10, type: 'Double', value: 20 + ++n / 10}]})
}, 100)
