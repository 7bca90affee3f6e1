##! What nodes of both languages tell each other about hosts.
module Demo;

export {
	## How bad it is.
	type Severity: enum {
		LOW,	##< Good to know.
		HIGH,	##< Somebody should look at it.
	};

	## What is known about a host.
	type Host: record {
		ip: addr;
		## When it was seen for the first time.
		first_seen: time;
		ports: set[port] &default=set();
		name: string &optional;
	};

	## A worker has seen a host `n` times.
	global seen: event(host: Host, n: count);

	## A proxy has made up its mind.
	global judged: event(ip: addr, severity: Severity);
}
