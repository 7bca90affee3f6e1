# A small cluster on one machine: what Zeek reads when it starts with $CLUSTER_NODE set.
#
# Workers see packets, proxies share the work that needs one place per key, the manager decides, loggers write.
# Real Zeek processes can take any of these places: the file is the same for them.
redef Cluster::nodes += {
	["manager"]  = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=27761/tcp],
	["logger-1"] = [$node_type=Cluster::LOGGER,  $ip=127.0.0.1, $p=27762/tcp, $manager="manager"],
	["logger-2"] = [$node_type=Cluster::LOGGER,  $ip=127.0.0.1, $p=27763/tcp, $manager="manager"],
	["proxy-1"]  = [$node_type=Cluster::PROXY,   $ip=127.0.0.1, $p=27764/tcp, $manager="manager"],
	["worker-1"] = [$node_type=Cluster::WORKER,  $ip=127.0.0.1, $p=27765/tcp, $manager="manager"],
	["worker-2"] = [$node_type=Cluster::WORKER,  $ip=127.0.0.1, $p=27766/tcp, $manager="manager"],
};

# There are loggers of their own, so the manager does not write logs but sends its records to them.
redef Cluster::manager_is_logger = F;
