// An OPC UA server for tests, with Eclipse Milo: java Milo.java PORT DIR [VARIABLES MILLISECONDS]
//
// Device has variables that change every 50 ms with a source time one second back (temp, count), one whose status goes through
// good, uncertain and bad (quality), ones that take values (set, Array), and one that takes none (fixed). Load has VARIABLES doubles
// that all change every so many MILLISECONDS. Its certificate is made at each start. Where a file "shift" is in DIR another
// namespace comes before that of these nodes.
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.Security;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.HashSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.eclipse.milo.opcua.sdk.core.AccessLevel;
import org.eclipse.milo.opcua.sdk.core.Reference;
import org.eclipse.milo.opcua.sdk.server.EndpointConfig;
import org.eclipse.milo.opcua.sdk.server.ManagedNamespaceWithLifecycle;
import org.eclipse.milo.opcua.sdk.server.OpcUaServer;
import org.eclipse.milo.opcua.sdk.server.OpcUaServerConfig;
import org.eclipse.milo.opcua.sdk.server.OpcUaServerConfigLimits;
import org.eclipse.milo.opcua.sdk.server.identity.AnonymousIdentityValidator;
import org.eclipse.milo.opcua.sdk.server.identity.CompositeValidator;
import org.eclipse.milo.opcua.sdk.server.identity.UsernameIdentityValidator;
import org.eclipse.milo.opcua.sdk.server.identity.X509IdentityValidator;
import org.eclipse.milo.opcua.sdk.server.items.DataItem;
import org.eclipse.milo.opcua.sdk.server.items.MonitoredItem;
import org.eclipse.milo.opcua.sdk.server.nodes.UaFolderNode;
import org.eclipse.milo.opcua.sdk.server.nodes.UaVariableNode;
import org.eclipse.milo.opcua.stack.core.AttributeId;
import org.eclipse.milo.opcua.stack.core.NodeIds;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.security.CertificateGroup;
import org.eclipse.milo.opcua.stack.core.security.DefaultApplicationGroup;
import org.eclipse.milo.opcua.stack.core.security.DefaultCertificateManager;
import org.eclipse.milo.opcua.stack.core.security.MemoryCertificateQuarantine;
import org.eclipse.milo.opcua.stack.core.security.MemoryCertificateStore;
import org.eclipse.milo.opcua.stack.core.security.MemoryTrustListManager;
import org.eclipse.milo.opcua.stack.core.security.RsaSha256CertificateFactory;
import org.eclipse.milo.opcua.stack.core.security.SecurityPolicy;
import org.eclipse.milo.opcua.stack.core.transport.TransportProfile;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.DateTime;
import org.eclipse.milo.opcua.stack.core.types.builtin.LocalizedText;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.eclipse.milo.opcua.stack.core.types.builtin.StatusCode;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.UInteger;
import org.eclipse.milo.opcua.stack.core.types.enumerated.MessageSecurityMode;
import org.eclipse.milo.opcua.stack.core.util.SelfSignedCertificateBuilder;
import org.eclipse.milo.opcua.stack.transport.server.tcp.OpcTcpServerTransport;
import org.eclipse.milo.opcua.stack.transport.server.tcp.OpcTcpServerTransportConfig;

public class Milo {
    static final String URI = "urn:quadrille:test:milo";

    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider()); // the encryption of Aes256_Sha256_RsaPss
        int port = Integer.parseInt(args[0]);
        Path dir = Path.of(args[1]);
        int variables = args.length > 2 ? Integer.parseInt(args[2]) : 0, pause = args.length > 3 ? Integer.parseInt(args[3]) : 100;
        CertificateGroup group = DefaultApplicationGroup.createAndInitialize(new MemoryTrustListManager(), new MemoryCertificateStore(),
            new RsaSha256CertificateFactory() {
                @Override protected X509Certificate[] createRsaSha256CertificateChain(KeyPair pair) throws Exception {
                    return new X509Certificate[] {new SelfSignedCertificateBuilder(pair).setCommonName("milo").setApplicationUri(URI)
                        .addDnsName("localhost").addIpAddress("127.0.0.1").build()};
                }
            }, (chain, uri, hosts) -> { });
        X509Certificate certificate = group.getCertificateEntries().get(0).certificateChain[0];
        OpcUaServerConfig config = OpcUaServerConfig.builder().setApplicationUri(URI).setProductUri(URI)
            .setApplicationName(LocalizedText.english("q")).setEndpoints(endpoints(port, certificate))
            .setCertificateManager(new DefaultCertificateManager(new MemoryCertificateQuarantine(), group))
            .setIdentityValidator(new CompositeValidator(AnonymousIdentityValidator.INSTANCE,
                new UsernameIdentityValidator(c -> c.getUsername().equals("user") && c.getPassword().equals("secret")),
                new X509IdentityValidator(c -> true)))
            .setLimits(new OpcUaServerConfigLimits() {
                @Override public Double getMinPublishingInterval() { return 10.0; }
                @Override public UInteger getMaxNodesPerRead() { return UInteger.valueOf(400); }
            }).build();
        OpcUaServer server = new OpcUaServer(config, profile -> new OpcTcpServerTransport(OpcTcpServerTransportConfig.newBuilder().build()));
        if (Files.exists(dir.resolve("shift"))) server.getNamespaceTable().add("urn:quadrille:test:shift");
        new Plant(server, variables, pause).startup();
        server.startup().get();
        System.out.println("READY");
        Thread.currentThread().join();
    }

    static Set<EndpointConfig> endpoints(int port, X509Certificate certificate) {
        Set<EndpointConfig> all = new HashSet<>();
        for (SecurityPolicy policy : List.of(SecurityPolicy.None, SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes128_Sha256_RsaOaep,
                SecurityPolicy.Aes256_Sha256_RsaPss)) {
            List<MessageSecurityMode> modes = policy == SecurityPolicy.None ? List.of(MessageSecurityMode.None)
                : List.of(MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt);
            for (MessageSecurityMode mode : modes)
                all.add(EndpointConfig.newBuilder().setBindAddress("127.0.0.1").setHostname("127.0.0.1").setBindPort(port).setPath("/q")
                    .setTransportProfile(TransportProfile.TCP_UASC_UABINARY).setCertificate(certificate).setSecurityPolicy(policy)
                    .setSecurityMode(mode).addTokenPolicies(OpcUaServerConfig.USER_TOKEN_POLICY_ANONYMOUS,
                        OpcUaServerConfig.USER_TOKEN_POLICY_USERNAME, OpcUaServerConfig.USER_TOKEN_POLICY_X509).build());
        }
        return all;
    }

    /** Plant has the nodes. What is monitored is told of each value when it is there; nothing is sampled. */
    static class Plant extends ManagedNamespaceWithLifecycle {
        final Map<NodeId, List<DataItem>> items = new ConcurrentHashMap<>(); // who gives one a value holds its lock: so the newest comes last
        final Map<NodeId, DataValue> newest = new HashMap<>(); // of nodes that have got another one; guarded by the same lock
        final int variables, pause;

        Plant(OpcUaServer server, int variables, int pause) {
            super(server, "urn:quadrille:test");
            this.variables = variables;
            this.pause = pause;
            getLifecycleManager().addStartupTask(this::build);
        }

        UaFolderNode folder(String name) {
            UaFolderNode folder = new UaFolderNode(getNodeContext(), newNodeId(name), newQualifiedName(name), LocalizedText.english(name));
            getNodeManager().addNode(folder);
            folder.addReference(new Reference(folder.getNodeId(), NodeIds.Organizes, NodeIds.ObjectsFolder.expanded(), false));
            return folder;
        }

        UaVariableNode variable(UaFolderNode in, String name, NodeId type, Object value, boolean takes) {
            UaVariableNode node = UaVariableNode.builder(getNodeContext()).setNodeId(newNodeId(name))
                .setAccessLevel(takes ? AccessLevel.READ_WRITE : AccessLevel.READ_ONLY)
                .setUserAccessLevel(takes ? AccessLevel.READ_WRITE : AccessLevel.READ_ONLY).setBrowseName(newQualifiedName(name))
                .setDisplayName(LocalizedText.english(name)).setDataType(type).setTypeDefinition(NodeIds.BaseDataVariableType)
                .setValueRank(value.getClass().isArray() ? 1 : -1).setValue(new DataValue(Variant.of(value))).build();
            getNodeManager().addNode(node);
            in.addReference(new Reference(in.getNodeId(), NodeIds.HasComponent, node.getNodeId().expanded(), true));
            node.addReference(new Reference(node.getNodeId(), NodeIds.HasComponent, in.getNodeId().expanded(), false));
            node.addAttributeObserver((of, id, changed) -> {
                if (id != AttributeId.Value) return;
                synchronized (items) {
                    newest.put(of.getNodeId(), (DataValue) changed);
                    for (DataItem item : items.getOrDefault(of.getNodeId(), List.of())) item.setValue((DataValue) changed);
                }
            });
            return node;
        }

        void build() {
            UaFolderNode device = folder("Device"), load = folder("Load");
            UaVariableNode temp = variable(device, "temp", NodeIds.Double, 20.0, false);
            UaVariableNode count = variable(device, "count", NodeIds.UInt32, UInteger.valueOf(0), false);
            UaVariableNode quality = variable(device, "quality", NodeIds.Double, 0.0, false);
            variable(device, "fixed", NodeIds.Double, 1.0, false);
            variable(device, "set", NodeIds.Double, 1.0, true);
            variable(device, "Array", NodeIds.Int32, new Integer[] {1, 2, 3}, true);
            List<UaVariableNode> all = new ArrayList<>();
            for (int i = 0; i < variables; i++) all.add(variable(load, "v" + i, NodeIds.Double, 0.0, true));
            var clock = Executors.newScheduledThreadPool(2);
            long[] n = {0, 0};
            StatusCode[] codes = {StatusCode.GOOD, new StatusCode(StatusCodes.Uncertain_LastUsableValue),
                new StatusCode(StatusCodes.Bad_SensorFailure)};
            clock.scheduleAtFixedRate(() -> {
                n[0]++;
                DateTime now = DateTime.now(), before = new DateTime(now.getUtcTime() - 10_000_000);
                temp.setValue(new DataValue(Variant.of(20 + Math.sin(n[0] / 10.0)), StatusCode.GOOD, before, now));
                count.setValue(new DataValue(Variant.of(UInteger.valueOf(n[0])), StatusCode.GOOD, before, now));
                quality.setValue(new DataValue(Variant.of((double) n[0]), codes[(int) (n[0] / 5 % 3)], before, now));
            }, 50, 50, TimeUnit.MILLISECONDS);
            if (variables > 0) clock.scheduleAtFixedRate(() -> {
                n[1]++;
                DateTime now = DateTime.now();
                Variant value = Variant.of((double) n[1]);
                for (UaVariableNode node : all) node.setValue(new DataValue(value, StatusCode.GOOD, now, now));
            }, pause, pause, TimeUnit.MILLISECONDS);
        }

        @Override public void onDataItemsCreated(List<DataItem> created) {
            for (DataItem item : created) {
                NodeId id = item.getReadValueId().getNodeId();
                getNodeManager().getNode(id).ifPresent(node -> {
                    if (!(node instanceof UaVariableNode)) return;
                    DataValue first = ((UaVariableNode) node).getValue();
                    synchronized (items) {
                        items.computeIfAbsent(id, k -> new CopyOnWriteArrayList<>()).add(item);
                        item.setValue(newest.getOrDefault(id, first));
                    }
                });
            }
        }

        @Override public void onDataItemsModified(List<DataItem> modified) { }

        @Override public void onDataItemsDeleted(List<DataItem> deleted) {
            for (DataItem item : deleted) items.getOrDefault(item.getReadValueId().getNodeId(), List.of()).remove(item);
        }

        @Override public void onMonitoringModeChanged(List<MonitoredItem> changed) { }
    }
}
