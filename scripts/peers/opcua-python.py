"""An OPC UA server for tests: opcua-python.py PORT DIR

Device has variables that change every 50 ms with a source time one second back (temp, count), one whose status goes through
good, uncertain and bad (quality), one that takes values (set), one that takes
them from those who may do everything (fixed), as all users here may, an array (Array), and a structure of a type of its own
(point). Model has variables of an enumeration (color) and of a structure (corner), a method (start), and an object Grown as long as
grow is true. Where a file "shift" is in DIR another namespace comes before that of these nodes.
"""
import asyncio, datetime, math, pathlib, sys

from asyncua import Server, ua
from asyncua.common.structures104 import new_enum, new_struct, new_struct_field
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import User, UserRole
from cryptography.x509.oid import ExtendedKeyUsageOID

URI = "urn:quadrille:test:pyserver"


class Users:
    def get_user(self, iserver, username=None, password=None, certificate=None):
        if username is None:
            return User(role=UserRole.Admin)
        return User(role=UserRole.Admin, name=username) if (username, password) == ("user", "secret") else None


async def main():
    port, folder = int(sys.argv[1]), pathlib.Path(sys.argv[2])
    server = Server(user_manager=Users())
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/q")
    server.set_server_name("q")
    await server.set_application_uri(URI)
    kind = ua.SecurityPolicyType
    server.set_security_policy([kind.NoSecurity, kind.Basic256Sha256_Sign, kind.Basic256Sha256_SignAndEncrypt,
                                kind.Aes128Sha256RsaOaep_SignAndEncrypt, kind.Aes256Sha256RsaPss_SignAndEncrypt])
    await setup_self_signed_certificate(folder / "key.pem", folder / "cert.der", URI, "127.0.0.1",
                                        [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH],
                                        {"countryName": "NO", "stateOrProvinceName": "x", "localityName": "x", "organizationName": "x"})
    await server.load_certificate(str(folder / "cert.der"))
    await server.load_private_key(str(folder / "key.pem"))
    if (folder / "shift").exists():
        await server.register_namespace("urn:quadrille:test:shift")
    index = await server.register_namespace("urn:quadrille:test")
    device = await server.nodes.objects.add_object(ua.NodeId("Device", index), ua.QualifiedName("Device", index))

    async def variable(name, value, kind):
        return await device.add_variable(ua.NodeId(name, index), ua.QualifiedName(name, index), value, kind)

    temp = await variable("temp", 0.0, ua.VariantType.Double)
    count = await variable("count", 0, ua.VariantType.UInt32)
    quality = await variable("quality", 0.0, ua.VariantType.Double)
    await variable("fixed", 1.0, ua.VariantType.Double)
    await (await variable("set", 1.0, ua.VariantType.Double)).set_writable()
    await (await variable("Array", [1, 2, 3], ua.VariantType.Int32)).set_writable()
    await new_struct(server, index, "Point", [new_struct_field("X", ua.VariantType.Int16), new_struct_field("Y", ua.VariantType.Int16)])
    point = (await server.load_data_type_definitions())["Point"]
    value = point()
    value.X, value.Y = 1, 258
    await device.add_variable(ua.NodeId("point", index), ua.QualifiedName("point", index), value, datatype=point.data_type)
    model = await server.nodes.objects.add_object(ua.NodeId("Model", index), ua.QualifiedName("Model", index))
    color = await new_enum(server, index, "Color", ["Red", "Green"])
    await model.add_variable(ua.NodeId("color", index), ua.QualifiedName("color", index), 1, ua.VariantType.Int32, color.nodeid)
    await model.add_variable(ua.NodeId("corner", index), ua.QualifiedName("corner", index), value, datatype=point.data_type)

    def argument(name, kind, rank=-1, text=""):
        return ua.Argument(Name=name, DataType=ua.NodeId(getattr(ua.ObjectIds, kind)), ValueRank=rank, Description=ua.LocalizedText(text))

    await model.add_method(ua.NodeId("start", index), ua.QualifiedName("start", index), lambda parent, *_: [ua.Variant(True)],
                           [argument("speed", "Double", text="per minute"), argument("steps", "Int32", 1)], [argument("done", "Boolean")])
    grow = await model.add_variable(ua.NodeId("grow", index), ua.QualifiedName("grow", index), False, ua.VariantType.Boolean)
    await grow.set_writable()
    grown = None
    async with server:
        print("READY", index, flush=True)
        n = 0
        while True:
            n += 1
            now = datetime.datetime.now(datetime.timezone.utc)
            source = now - datetime.timedelta(seconds=1)

            def at(value, kind, code=ua.StatusCodes.Good):
                return ua.DataValue(ua.Variant(value, kind), ua.StatusCode(code), SourceTimestamp=source, ServerTimestamp=now)

            await temp.write_value(at(20 + math.sin(n / 10), ua.VariantType.Double))
            await count.write_value(at(n, ua.VariantType.UInt32))
            code = [ua.StatusCodes.Good, ua.StatusCodes.UncertainLastUsableValue, ua.StatusCodes.BadSensorFailure][n // 5 % 3]
            await quality.write_value(at(float(n), ua.VariantType.Double, code))
            if await grow.read_value() != (grown is not None):
                if grown is None:
                    grown = await model.add_object(ua.NodeId("Grown", index), ua.QualifiedName("Grown", index))
                else:
                    await server.delete_nodes([grown])
                    grown = None
            await asyncio.sleep(0.05)


asyncio.run(main())
