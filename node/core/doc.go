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
// [Replica] is a node's part in one shard: operator, the outbox of its door, and who waits there.
//
//	input                             outcome
//	Submit, with room                 those who wait are answered once, or forgotten
//	Submit, without                   false: nothing was taken
//	Forget                            what nobody waits for any more is not sent again, and makes room
//	Assign                            the operator has its role; what waits goes to the owner, under the incarnation's ids
//	Deliver events, acks              to the operator, to the outbox
//	Sent, too large                   the event is answered so; what else fails is sent again by a tick
//
// [Parts], [Targets] and [Undrained] are what a committed state asks of a node.
package core
