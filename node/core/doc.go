// Package core is what a node decides, without goroutines, clocks or I/O: package node drives it over an engine and a
// transport, and the simulation in virtual time.
//
// [Entry] keeps the process a member. States are those of the node's name in the newest control record; a step is due when
// a record is installed, when the time is over that the last one named, and when an attempt to enter has ended.
//
//	in the record                     step
//	this process                      go on; what was waited for is forgotten
//	another, later process            stop
//	nobody, the node has left         stay out
//	nobody, first seen                wait: 1 s, twice as long each time up to 30 s, and 1 s again after a calm minute
//	nobody, still waiting             wait for the rest
//	nobody, the time is over          enter
//
// [Watch] hears the others. A look is due with each beat.
//
//	a member is                       look
//	heard, not accused                nothing
//	silent                            accuse it
//	silent, accused                   nothing: one accusation is under way
//	heard or another, accused         withdraw
//	all of them, or itself, silent    call the control log as well: a majority that answers is contact
//
// A node's part in one shard are two machines, that neither wait for each other nor share anything. What goes from one to the
// other, a batch or acks, is an input like one from another node; where there is no room for it, its sender hears so.
//
// [Sender] has the events that came in at the node's door until they are answered: an outbox, and who waits there.
//
//	input                             outcome
//	Submit, with room                 those who wait are answered once, or forgotten
//	Submit, without                   false: nothing was taken
//	Forget                            what nobody waits for any more is not sent again, and makes room
//	Assign                            what waits goes to the owner, under the incarnation's ids
//	Acked                             those who wait are answered, the next batch is sent; or the same one again, later
//	Refused                           the own replica has no room: the same batch is sent again, later
//	Sent, too large                   the event is answered so; what else fails is sent again by a tick
//
// [Replica] is the node's copy of the shard, as its owner or standby: an operator that is told the shard's mark before each
// input.
//
//	mark                              Hear
//	higher than any before            the operator holds the log to it
//	another                           nothing
//
// [Roles], [Targets] and [Undrained] are what a committed state asks of a node.
package core
