// Writes the rows held in memory, one generation at a time, on a thread of its own. What the world keeps from being
// written (a full disk) stays, is tried again after a pause, and says why; only damage is final.
#pragma once

#include "consumers/derived/held_rows.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace tidemark::consumers {

// One thread hands over, starts and stops; the rest may be called from any.
class RowWriter {
public:
    using OnDamage = std::function<void(std::string what)>;  // on the writer's thread, or in write_now
    RowWriter(HeldRows& rows, std::chrono::milliseconds retry_pause, OnDamage on_damage)
        : rows_(rows), retry_pause_(retry_pause), on_damage_(std::move(on_damage)) {}
    ~RowWriter() { stop(); }

    void start();
    // Writes what was handed over. What cannot be written now is given up: it is in the log, and is followed again.
    void stop();

    // Nothing is left of what was handed over.
    [[nodiscard]] bool free() const;
    // Waits until then, writing by itself when there is no thread. False: damage, or it is held up and nobody
    // is patient.
    [[nodiscard]] bool wait_until_free();
    // While patient, waiting for room goes on however long the writing is held up.
    void be_patient(bool patient);

    // Makes what is held, `tiles` and `places` what is to be written; the writer must be free.
    void hand_over(std::vector<std::pair<std::string, std::string>> tiles, KvBatch places);
    // Without a thread: writes what was handed over. An error that is no damage may be tried again.
    [[nodiscard]] std::expected<void, KvError> write_now();

    // Why the last attempt failed; nothing: it did not. It is tried again.
    [[nodiscard]] std::optional<std::string> held_up() const;

private:
    [[nodiscard]] std::expected<void, KvError> write(std::unique_lock<std::mutex>& lock);
    void write_until(const std::stop_token& stop);

    HeldRows& rows_;
    std::chrono::milliseconds retry_pause_;
    OnDamage on_damage_;

    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    KvBatch places_;  // of the rows being written
    bool wanted_ = false;
    bool patient_ = false;
    bool damaged_ = false;
    std::optional<std::string> held_up_;
    std::jthread thread_;
};

}  // namespace tidemark::consumers
