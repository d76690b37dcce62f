#include "infra/runtime/threads.hpp"

#include "consumers/threads.hpp"

#include <sys/resource.h>
#include <unistd.h>

namespace tidemark::infra {

namespace {

constexpr int niceness = 10;  // a tenth of the time of an ordinary thread, when both want all of it

}  // namespace

void step_back(const char* name) {
    // Linux keeps niceness by thread. What it refuses costs speed, not correctness.
    (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness);
    consumers::name_thread(name);
}

}  // namespace tidemark::infra
