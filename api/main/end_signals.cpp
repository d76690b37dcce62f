#include "api/main/end_signals.hpp"

#include <csignal>
#include <pthread.h>

namespace tidemark::api {

namespace {

sigset_t end_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

}  // namespace

EndSignals::EndSignals() {
    const sigset_t set = end_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    thread_ = std::jthread([this](const std::stop_token& ending) { take(ending); });
}

EndSignals::~EndSignals() {
    thread_.request_stop();
    pthread_kill(thread_.native_handle(), SIGTERM);  // wakes its sigwait
    thread_.join();
    const sigset_t set = end_signals();
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

int EndSignals::wait() const {
    first_.wait(0);
    return first_;
}

void EndSignals::take(const std::stop_token& ending) {
    const sigset_t set = end_signals();
    for (;;) {
        int signal = 0;
        if (sigwait(&set, &signal) != 0 || ending.stop_requested()) return;
        if (first_ != 0) {
            std::signal(signal, SIG_DFL);
            pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
            (void)::raise(signal);  // ends the process
        }
        first_ = signal;
        first_.notify_all();
        source_.request_stop();
    }
}

}  // namespace tidemark::api
