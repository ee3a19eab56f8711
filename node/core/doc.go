// Package core is what a node decides, without goroutines, clocks or I/O: package node drives it over an engine and a
// transport, and the simulation in virtual time.
//
// [Entry] keeps the process a member, and [Watch] hears the others. A node's part in one shard are two machines, that neither
// wait for each other nor share anything: [Sender] has the events that came in at the node's door until they are answered, and
// [Replica] is the node's copy of the shard, as its owner or standby. What goes from one to the other, a batch or acks, is an
// input like one from another node; where there is no room for it, its sender hears so. Each machine has a table of its states
// and inputs. [Roles], [Targets] and [Undrained] are what a committed state asks of a node.
package core
