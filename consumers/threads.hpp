// What a thread says about itself to the system. What the system refuses costs speed or a name, nothing else.
#pragma once

namespace tidemark::consumers {

// The calling thread's name, as top and perf show it: 15 characters at most.
void name_thread(const char* name);

// The calling thread works in short turns and somebody waits for each of them: it is let in before threads that
// compute for long (Linux 6.12 and later: sched_setattr(2), a slice of its own; before it changes nothing).
void take_short_turns();

}  // namespace tidemark::consumers
