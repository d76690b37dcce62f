// Makes an open group count: seals its blocks, appends them, and gives the answers that rest on them. On a thread of
// its own, for hashing, compressing, syncing and answering take as long as deciding: the processor decides the next
// group meanwhile. Without start() everything happens on the caller's thread.
#pragma once

#include "consumers/command_processor/command_group.hpp"
#include "consumers/command_processor/inbox.hpp"
#include "consumers/command_processor/partition_writer.hpp"
#include "consumers/log/log.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace tidemark::consumers {

class Committer {
public:
    // `partitions`: their sealing ends are used from here (PartitionWriter says which that are).
    Committer(Log& log, Inbox& inbox, std::vector<PartitionWriter>& partitions)
        : log_(log), inbox_(inbox), partitions_(partitions) {}
    ~Committer() { stop(); }
    Committer(const Committer&) = delete;
    Committer& operator=(const Committer&) = delete;

    void start();
    void stop();  // when no group is under way

    // The group is left alone by the caller until the inbox has its results; one at a time. If all of it counts, its
    // answers are given before; else they are still there.
    void commit(CommandGroup& group);
    void commit_here(CommandGroup& group);  // on the caller's thread, which spares the change to another and back

private:
    void run(const std::stop_token& stop);
    void returned(CommandGroup& group, std::vector<AppendResult> results);

    Log& log_;
    Inbox& inbox_;
    std::vector<PartitionWriter>& partitions_;

    std::mutex mutex_;
    std::condition_variable_any wake_;
    CommandGroup* next_ = nullptr;
    std::jthread thread_;
};

}  // namespace tidemark::consumers
