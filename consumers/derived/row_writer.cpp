#include "consumers/derived/row_writer.hpp"

#include "consumers/threads.hpp"

namespace tidemark::consumers {

void RowWriter::start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { write_until(stop); });
}

void RowWriter::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
}

bool RowWriter::free() const {
    const std::scoped_lock lock(mutex_);
    return !wanted_;
}

bool RowWriter::wait_until_free() {
    std::unique_lock lock(mutex_);
    if (!thread_.joinable()) return !wanted_ || write(lock);
    changed_.wait(lock, [this] { return !wanted_ || damaged_ || (held_up_ && !patient_); });
    return !wanted_;
}

void RowWriter::be_patient(bool patient) {
    const std::scoped_lock lock(mutex_);
    patient_ = patient;
    changed_.notify_all();
}

void RowWriter::hand_over(std::vector<std::pair<std::string, std::string>> tiles, KvBatch places) {
    const std::scoped_lock lock(mutex_);
    rows_.begin_write(std::move(tiles));
    places_ = std::move(places);
    wanted_ = true;
    changed_.notify_all();
}

std::expected<void, KvError> RowWriter::write_now() {
    std::unique_lock lock(mutex_);
    if (!wanted_) return {};
    return write(lock);
}

std::optional<std::string> RowWriter::held_up() const {
    const std::scoped_lock lock(mutex_);
    return held_up_;
}

// One attempt; `lock` is open meanwhile.
std::expected<void, KvError> RowWriter::write(std::unique_lock<std::mutex>& lock) {
    KvBatch places = places_;
    lock.unlock();
    std::expected<void, KvError> written;
    try {
        written = rows_.write(std::move(places));
    } catch (const std::exception& defect) {
        written = std::unexpected(KvError{.what = defect.what(), .damage = true});
    }
    const std::string why = written ? "" : "writing the derived stores: " + written.error().what;
    const bool damaged = !written && written.error().damage;
    if (damaged) on_damage_(why);
    lock.lock();
    damaged_ = damaged;
    held_up_ = written || damaged ? std::nullopt : std::optional(why);
    if (written) {
        wanted_ = false;
        places_.clear();
    }
    changed_.notify_all();
    return written;
}

void RowWriter::write_until(const std::stop_token& stop) {
    name_thread("derived-writer");
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, stop, [this] { return wanted_ && !damaged_; });
        if (!wanted_ || damaged_) return;  // asked to stop, and there is nothing to be done
        const bool last = stop.stop_requested();
        if (write(lock)) continue;
        if (last) return;
        changed_.wait_for(lock, stop, retry_pause_, [] { return false; });
    }
}

}  // namespace tidemark::consumers
