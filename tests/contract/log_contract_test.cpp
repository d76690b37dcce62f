// What consumers/log/log.hpp promises, of every adapter.
#include "tests/contract/log_contract.hpp"

#include "tests/contract/owner.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <random>
#include <thread>

using namespace tidemark;
using namespace tidemark::tests;
using consumers::AppendResult;
using consumers::AppendStatus;
using events::BlockPtr;

namespace {

std::vector<std::string> stored(const std::vector<BlockPtr>& blocks) {
    std::vector<std::string> bytes;
    for (const BlockPtr& block : blocks) {
        bytes.emplace_back(block->stored());
    }
    return bytes;
}

auto soon() {
    return std::chrono::steady_clock::now() + long_enough;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a new log is empty and begins at its genesis", "[log]", LogAdapters) {
    TestType adapter;
    CHECK(adapter.log->identity().partitions == 4);
    for (events::Partition p = 0; p < 4; ++p) {
        const auto end = adapter.log->end(p);
        CHECK(end.tip.next_number == 0);
        CHECK(end.tip.next_sequence == 0);
        CHECK(end.tip.digest == events::genesis_digest(adapter.log->identity().id, p));
        CHECK(end.edge.size() == 0);
        CHECK(adapter.log->read(p, 0, 1000).value().empty());
    }
}

TEMPLATE_LIST_TEST_CASE("blocks come back in order and byte for byte", "[log]", LogAdapters) {
    TestType adapter;
    Owner ada(*adapter.log, 1);
    std::vector<BlockPtr> written;
    for (std::size_t i = 0; i < 20; ++i) {
        written.push_back(ada.block(2, i % 5));
        REQUIRE(ada.append({written.back()}).front().status == AppendStatus::counted);
    }
    CHECK(stored(read_all(*adapter.log, 2, 1 << 20)) == stored(written));
    CHECK(stored(read_all(*adapter.log, 2, 700)) == stored(written));
    CHECK(adapter.log->read(1, 0, 1 << 20).value().empty());
}

TEMPLATE_LIST_TEST_CASE("a block that does not continue the chain is superseded and leaves no trace", "[log]",
                        LogAdapters) {
    TestType adapter;
    Owner ada(*adapter.log, 1);
    Owner bob(*adapter.log, 2);
    REQUIRE(ada.append(0, 3) == AppendStatus::counted);
    ada.learn(0);
    bob.learn(0);
    REQUIRE(bob.append(0, 0) == AppendStatus::counted);  // takes the partition over
    const auto before = adapter.log->end(0);
    CHECK(ada.append(0, 2) == AppendStatus::superseded);
    CHECK(ada.append(0, 2) == AppendStatus::superseded);
    CHECK(adapter.log->end(0).tip == before.tip);
    CHECK(adapter.log->end(0).edge.root() == before.edge.root());
    CHECK(bob.append(0, 1) == AppendStatus::counted);
    CHECK(read_all(*adapter.log, 0, 1 << 20).size() == 3);
}

TEMPLATE_LIST_TEST_CASE("an owner that was superseded learns the end, takes over and goes on", "[log]", LogAdapters) {
    TestType adapter;
    Owner ada(*adapter.log, 1);
    Owner bob(*adapter.log, 2);
    REQUIRE(ada.append(0, 1) == AppendStatus::counted);
    REQUIRE(bob.append(0, 0) == AppendStatus::counted);
    REQUIRE(ada.append(0, 1) == AppendStatus::superseded);
    ada.learn(0);
    CHECK(ada.append(0, 0) == AppendStatus::counted);
    CHECK(ada.append(0, 4) == AppendStatus::counted);
    CHECK(bob.append(0, 1) == AppendStatus::superseded);
    CHECK(adapter.log->end(0).tip.next_sequence == 5);
}

TEMPLATE_LIST_TEST_CASE("the same block twice counts once", "[log]", LogAdapters) {
    TestType adapter;
    Owner ada(*adapter.log, 1);
    const BlockPtr block = ada.block(0, 2);
    CHECK(ada.append({block}).front().status == AppendStatus::counted);
    CHECK(ada.append({block}).front().status == AppendStatus::superseded);
    CHECK(read_all(*adapter.log, 0, 1 << 20).size() == 1);
}

TEMPLATE_LIST_TEST_CASE("a read begins at the block that holds the record, whichever is asked for", "[log]",
                        LogAdapters) {
    TestType adapter;
    Owner ada(*adapter.log, 1);
    for (const std::size_t records : {0u, 3u, 0u, 0u, 1u, 7u, 0u, 2u}) {
        REQUIRE(ada.append(1, records) == AppendStatus::counted);
    }
    const events::Sequence end = adapter.log->end(1).tip.next_sequence;
    REQUIRE(end == 13);
    for (events::Sequence from = 0; from < end; ++from) {
        CAPTURE(from);
        const auto found = adapter.log->read(1, from, 1 << 20).value();
        REQUIRE_FALSE(found.empty());
        CHECK(found.front()->header().first_sequence <= from);
        CHECK((found.front()->next_sequence() > from || found.front()->size() == 0));
        CHECK(found.back()->next_sequence() == end);
    }
    // Barriers that stand where a record would be are part of the answer: 0 at the start, two before record 3.
    CHECK(adapter.log->read(1, 0, 1 << 20).value().size() == 8);
    CHECK(adapter.log->read(1, 3, 1 << 20).value().size() == 6);
    CHECK(adapter.log->read(1, 2, 1 << 20).value().size() == 7);
    CHECK(adapter.log->read(1, 12, 1 << 20).value().size() == 1);
}

TEMPLATE_LIST_TEST_CASE("a read at the end is empty, and so is one past it", "[log]", LogAdapters) {
    TestType adapter;
    Owner ada(*adapter.log, 1);
    REQUIRE(ada.append(0, 3) == AppendStatus::counted);
    CHECK(adapter.log->read(0, 3, 1 << 20).value().empty());
    CHECK(adapter.log->read(0, 400, 1 << 20).value().empty());
    REQUIRE(ada.append(0, 0) == AppendStatus::counted);
    CHECK(adapter.log->read(0, 3, 1 << 20).value().size() == 1);  // the barrier that stands there
    CHECK(adapter.log->read(0, 4, 1 << 20).value().empty());
    CHECK_FALSE(adapter.log->read(4, 0, 1 << 20).has_value());  // no such partition
}

TEMPLATE_LIST_TEST_CASE("a read takes what fits, and gets on however little that is", "[log]", LogAdapters) {
    TestType adapter;
    Owner ada(*adapter.log, 1);
    std::size_t two = 0;
    for (std::size_t i = 0; i < 6; ++i) {
        const BlockPtr block = ada.block(0, 5);
        two += i < 2 ? block->stored().size() : 0;
        REQUIRE(ada.append({block}).front().status == AppendStatus::counted);
    }
    CHECK(adapter.log->read(0, 0, two).value().size() == 2);
    CHECK(adapter.log->read(0, 0, 0).value().size() == 1);
    for (std::size_t i = 0; i < 50; ++i) {
        REQUIRE(ada.append(0, 0) == AppendStatus::counted);
    }
    REQUIRE(ada.append(0, 1) == AppendStatus::counted);
    const auto past_barriers = adapter.log->read(0, 30, 1).value();
    CHECK(past_barriers.back()->next_sequence() == 31);
    CHECK(read_all(*adapter.log, 0, 1).size() == 57);
}

TEMPLATE_LIST_TEST_CASE("the end carries the Merkle edge of all records", "[log]", LogAdapters) {
    TestType adapter;
    Owner ada(*adapter.log, 1);
    for (const std::size_t records : {3u, 0u, 5u, 1u}) {
        REQUIRE(ada.append(3, records) == AppendStatus::counted);
    }
    events::MerkleEdge edge;
    for (const BlockPtr& block : read_all(*adapter.log, 3, 1 << 20)) {
        for (std::size_t i = 0; i < block->size(); ++i) {
            edge.append(events::leaf_hash(block->record(i)));
        }
    }
    CHECK(adapter.log->end(3).edge.size() == 9);
    CHECK(adapter.log->end(3).edge.root() == edge.root());
}

TEMPLATE_LIST_TEST_CASE("the tip is that of the end, and the records are those of all partitions", "[log]",
                        LogAdapters) {
    TestType adapter;
    Owner ada(*adapter.log, 1);
    CHECK(adapter.log->records() == 0);
    REQUIRE(ada.append({ada.block(1, 3), ada.block(3, 4)}).front().status == AppendStatus::counted);
    REQUIRE(ada.append({ada.block(1, 0)}).front().status == AppendStatus::counted);
    REQUIRE(ada.append({ada.block(1, 2)}).front().status == AppendStatus::counted);
    for (events::Partition p = 0; p < 4; ++p) {
        CHECK(adapter.log->tip(p) == adapter.log->end(p).tip);
    }
    CHECK(adapter.log->tip(1).next_sequence == 5);
    CHECK(adapter.log->records() == 9);
}

TEMPLATE_LIST_TEST_CASE("a group of several partitions gets one result per block", "[log]", LogAdapters) {
    TestType adapter;
    Owner ada(*adapter.log, 1);
    Owner bob(*adapter.log, 2);
    bob.learn(1);
    REQUIRE(ada.append(1, 1) == AppendStatus::counted);
    const auto results = bob.append({bob.block(0, 2), bob.block(1, 2), bob.block(2, 0)});
    REQUIRE(results.size() == 3);
    CHECK(results[0].status == AppendStatus::counted);
    CHECK(results[1].status == AppendStatus::superseded);
    CHECK(results[2].status == AppendStatus::counted);
    CHECK(adapter.log->end(0).tip.next_sequence == 2);
    CHECK(adapter.log->end(1).tip.next_sequence == 1);
    CHECK(adapter.log->end(2).tip.next_number == 1);
}

TEMPLATE_LIST_TEST_CASE("a block that continues the chain and contradicts it is kept out, and the partition goes on",
                        "[log]", LogAdapters) {
    TestType adapter;
    Owner ada(*adapter.log, 1);
    REQUIRE(ada.append(0, 2) == AppendStatus::counted);
    const auto before = adapter.log->end(0).tip;
    using Change = void (*)(events::BlockHeader&);
    const Change wrong = GENERATE(Change([](events::BlockHeader& header) { header.first_sequence += 1; }),
                                  Change([](events::BlockHeader& header) { header.number += 1; }),
                                  Change([](events::BlockHeader& header) { header.root[0] ^= 1; }),
                                  Change([](events::BlockHeader& header) { header.tree_size += 1; }));
    Owner eve(*adapter.log, 3);
    eve.change = wrong;
    const auto results = eve.append({eve.block(0, 1)});
    CHECK(results.front().status == AppendStatus::unknown);
    CHECK(results.front().error);
    CHECK_FALSE(results.front().what.empty());
    CHECK(adapter.log->end(0).tip == before);
    CHECK(ada.append(0, 1) == AppendStatus::counted);
}

TEMPLATE_LIST_TEST_CASE("every append is reported once and in order, with many groups under way", "[log]",
                        LogAdapters) {
    TestType adapter;
    constexpr std::size_t groups = 200;
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::size_t> order;
    std::size_t counted = 0;
    Owner ada(*adapter.log, 1);
    for (std::size_t i = 0; i < groups; ++i) {
        const auto partition = static_cast<events::Partition>(i % 4);
        std::vector<BlockPtr> group = {ada.block(partition, 1 + i % 3)};
        if (i % 5 == 0) {
            group.push_back(ada.block((partition + 1) % 4, 1));
        }
        adapter.log->append(std::move(group), [&, i](std::vector<AppendResult> results) {
            const std::scoped_lock lock(mutex);
            order.push_back(i);
            for (const AppendResult& result : results) {
                counted += result.status == AppendStatus::counted ? 1u : 0u;
            }
            changed.notify_all();
        });
    }
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_until(lock, soon(), [&] { return order.size() >= groups; }));
    REQUIRE(order.size() == groups);
    for (std::size_t i = 0; i < groups; ++i) {
        REQUIRE(order[i] == i);
    }
    CHECK(counted == groups + groups / 5);
}

TEMPLATE_LIST_TEST_CASE("a group may be appended from within a report", "[log]", LogAdapters) {
    TestType adapter;
    Owner ada(*adapter.log, 1);
    std::promise<AppendStatus> second;
    auto status = second.get_future();
    adapter.log->append({ada.block(0, 1)}, [&](const std::vector<AppendResult>&) {
        adapter.log->append({ada.block(0, 1)},
                            [&](std::vector<AppendResult> results) { second.set_value(results.front().status); });
    });
    REQUIRE(status.wait_for(long_enough) == std::future_status::ready);
    CHECK(status.get() == AppendStatus::counted);
}

TEMPLATE_LIST_TEST_CASE("what is reported as counted can be read at once", "[log]", LogAdapters) {
    TestType adapter;
    Owner ada(*adapter.log, 1);
    std::atomic<bool> seen{false};
    std::promise<void> reported;
    auto done = reported.get_future();
    adapter.log->append({ada.block(0, 2)}, [&](const std::vector<AppendResult>&) {
        seen = adapter.log->read(0, 1, 1 << 20).value().size() == 1 && adapter.log->end(0).tip.next_sequence == 2;
        reported.set_value();
    });
    REQUIRE(done.wait_for(long_enough) == std::future_status::ready);
    CHECK(seen);
}

TEMPLATE_LIST_TEST_CASE("a follower misses nothing while another thread appends", "[log]", LogAdapters) {
    TestType adapter;
    constexpr std::uint64_t blocks = 150;
    const std::jthread writer([&] {
        Owner ada(*adapter.log, 1);
        for (std::uint64_t i = 0; i < blocks; ++i) {
            adapter.log->append({ada.block(0, i % 4)}, [](const std::vector<AppendResult>&) {});
        }
    });
    events::ChainFold chain(adapter.log->identity().id, 0);
    std::uint64_t seen = 0;
    while (chain.tip().next_number < blocks) {
        const auto found = adapter.log->read(0, chain.tip().next_sequence, 2000);
        REQUIRE(found.has_value());
        const std::uint64_t had = chain.tip().next_number;
        for (const BlockPtr& block : *found) {
            REQUIRE(chain.fold(*block, events::Verify::records).has_value());
        }
        if (chain.tip().next_number == had) {
            seen = adapter.log->wait(seen, soon());
        }
    }
    CHECK(chain.tip() == adapter.log->end(0).tip);
}

TEMPLATE_LIST_TEST_CASE("a waiter wakes when something counts, at its deadline, and when it is interrupted", "[log]",
                        LogAdapters) {
    TestType adapter;
    Owner ada(*adapter.log, 1);
    const auto now = std::chrono::steady_clock::now();
    const std::uint64_t start = adapter.log->wait(0, now);
    CHECK(adapter.log->wait(start, now + std::chrono::milliseconds(2)) == start);
    CHECK(std::chrono::steady_clock::now() >= now + std::chrono::milliseconds(2));

    auto woken = std::async(std::launch::async, [&] { return adapter.log->wait(start, soon()); });
    REQUIRE(ada.append(0, 1) == AppendStatus::counted);
    const std::uint64_t after = woken.get();
    CHECK(after > start);
    CHECK(adapter.log->wait(start, soon()) == after);  // at once: it is beyond what was seen

    auto interrupted = std::async(std::launch::async, [&] { return adapter.log->wait(after, soon()); });
    // interrupt() wakes who waits: called until the waiter has come that far.
    while (interrupted.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
        adapter.log->interrupt();
    }
    CHECK(interrupted.get() == after);
}

TEMPLATE_LIST_TEST_CASE("whatever two owners append, what is reported counted is there, once, and the chain is sound",
                        "[log][property]", LogAdapters) {
    const auto seed = GENERATE(1u, 2u, 3u, 4u, 5u, 6u);
    CAPTURE(seed);
    TestType adapter;
    std::mt19937 random(seed);
    Owner owners[2] = {{*adapter.log, 1}, {*adapter.log, 2}};
    std::vector<std::vector<std::string>> counted(4);
    for (int step = 0; step < 120; ++step) {
        Owner& owner = owners[random() % 2];
        std::vector<BlockPtr> group;
        for (events::Partition p = 0; p < 4; ++p) {
            if (random() % 3 == 0) {
                continue;
            }
            if (random() % 4 == 0) {
                owner.learn(p);
            }
            group.push_back(owner.block(p, random() % 6));
        }
        const auto results = owner.append(group);
        REQUIRE(results.size() == group.size());
        for (std::size_t i = 0; i < group.size(); ++i) {
            REQUIRE(results[i].status != AppendStatus::unknown);
            if (results[i].status == AppendStatus::counted) {
                counted[group[i]->header().partition].emplace_back(group[i]->stored());
            }
        }
    }
    for (events::Partition p = 0; p < 4; ++p) {
        CHECK(stored(read_all(*adapter.log, p, 1 + random() % 5000)) == counted[p]);
    }
}
