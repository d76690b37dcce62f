#include "consumers/threads.hpp"

#include <cstdint>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tidemark::consumers {
namespace {

// As the kernel has it (include/uapi/linux/sched/types.h); glibc has no call for it.
struct SchedulingAttributes {
    std::uint32_t size = sizeof(SchedulingAttributes);
    std::uint32_t policy = 0;  // SCHED_OTHER
    std::uint64_t flags = 0;
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t runtime_ns = 0;  // of SCHED_OTHER: the slice
    std::uint64_t deadline_ns = 0;
    std::uint64_t period_ns = 0;
};
constexpr std::uint64_t short_turn_ns = 200'000;

}  // namespace

void name_thread(const char* name) {
    (void)::pthread_setname_np(::pthread_self(), name);
}

void take_short_turns() {
    SchedulingAttributes attributes;
    attributes.runtime_ns = short_turn_ns;
    (void)::syscall(SYS_sched_setattr, 0, &attributes, 0U);
}

}  // namespace tidemark::consumers
