// The calling thread's name, as top and perf show it: 15 characters at most.
#pragma once

#include <pthread.h>

namespace tidemark::consumers {

inline void name_thread(const char* name) {
    (void)::pthread_setname_np(::pthread_self(), name);  // a name that is refused costs nothing
}

}  // namespace tidemark::consumers
