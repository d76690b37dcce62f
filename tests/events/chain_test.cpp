#include "events/chain.hpp"

#include "tests/events/sample.hpp"

#include <catch2/catch.hpp>

#include <functional>

using namespace tidemark::events;

namespace {

ChainFold chain_of(std::size_t blocks) {
    ChainFold chain(sample::log_id, 5);
    for (std::size_t i = 0; i < blocks; ++i) {
        REQUIRE(chain.fold(*sample::next_block(chain, i), Verify::records) == Verdict::counts);
    }
    return chain;
}

}  // namespace

namespace tidemark::events {
bool operator==(const Damage& a, const Damage& b) {
    return a.what == b.what;
}
}  // namespace tidemark::events

TEST_CASE("a chain begins at the genesis of its log and partition", "[chain]") {
    const ChainFold chain(sample::log_id, 5);
    CHECK(chain.tip().digest == genesis_digest(sample::log_id, 5));
    CHECK(chain.tip().next_number == 0);
    CHECK(chain.tip().next_sequence == 0);
    CHECK(chain.edge().size() == 0);
}

TEST_CASE("a block that continues the chain counts and becomes its tip", "[chain]") {
    const auto verify = GENERATE(Verify::headers, Verify::records);
    ChainFold chain = chain_of(3);
    const BlockPtr block = sample::next_block(chain, 4);
    const Sequence before = chain.tip().next_sequence;
    REQUIRE(chain.fold(*block, verify) == Verdict::counts);
    CHECK(chain.tip() == Tip{4, before + 4, 1, sample::uuid(0x80), block->digest()});
    CHECK(chain.edge().size() == before + 4);
    CHECK(chain.edge().root() == block->header().root);
    CHECK(chain.edge_known());
}

TEST_CASE("duplicates, late arrivals and blocks of the losers of a race are ignored and change nothing", "[chain]") {
    ChainFold chain = chain_of(2);
    const BlockPtr winner = sample::next_block(chain, 2);
    BlockHeader rival_header = sample::next_header(chain);
    rival_header.owner = sample::uuid(0x90);
    rival_header.owner_epoch = 2;
    const BlockPtr rival = sample::block(rival_header, chain.edge(), 1);
    REQUIRE(chain.fold(*winner, Verify::records) == Verdict::counts);
    const BlockPtr later = sample::next_block(chain, 1);
    REQUIRE(chain.fold(*later, Verify::records) == Verdict::counts);

    const Tip tip = chain.tip();
    for (const BlockPtr& block : {winner, rival, later, winner}) {
        CHECK(chain.fold(*block, Verify::records) == Verdict::ignored);
        CHECK(chain.tip() == tip);
        CHECK(chain.edge().size() == tip.next_sequence);
    }
}

TEST_CASE("a block that continues the chain by digest and contradicts it otherwise is damage", "[chain]") {
    struct Case {
        const char* says;
        std::function<void(BlockHeader&)> contradict;
    };
    const auto wrong = GENERATE(values<Case>({
        {"another log", [](BlockHeader& header) { header.log_id = sample::uuid(0x11); }},
        {"partition is 6", [](BlockHeader& header) { header.partition = 6; }},
        {"block number is 4", [](BlockHeader& header) { header.number += 1; }},
        {"block number is 2", [](BlockHeader& header) { header.number -= 1; }},
        {"first sequence is 4", [](BlockHeader& header) { header.first_sequence += 1; }},
        {"tree size is 6", [](BlockHeader& header) { header.tree_size += 1; }},
        {"goes back from 1 to 0", [](BlockHeader& header) { header.owner_epoch = 0; }},
        {"two owners", [](BlockHeader& header) { header.owner = sample::uuid(0x90); }},
        {"Merkle root", [](BlockHeader& header) { header.root[31] ^= 1; }},
    }));
    const auto verify = GENERATE(Verify::headers, Verify::records);
    ChainFold chain = chain_of(3);
    const BlockHeader good = sample::next_block(chain, 2)->header();
    BlockHeader header = good;
    wrong.contradict(header);
    BlockBuilder builder;
    for (Sequence i = 0; i < 2; ++i)
        builder.add(sample::record_header(good.first_sequence + i), "payload " + std::to_string(i));
    const Tip before = chain.tip();
    const auto verdict = chain.fold(*builder.seal(header), verify);
    REQUIRE_FALSE(verdict);
    CHECK_THAT(verdict.error().what, Catch::Contains(wrong.says) && Catch::Contains("partition 5, block 3"));
    CHECK(chain.tip() == before);
    CHECK(chain.edge().size() == before.next_sequence);
}

TEST_CASE("a new owner takes over with a higher epoch", "[chain]") {
    ChainFold chain = chain_of(2);
    BlockHeader barrier = sample::next_header(chain);
    barrier.owner_epoch = 2;
    barrier.owner = sample::uuid(0x90);
    CHECK(chain.fold(*sample::block(barrier, chain.edge(), 0), Verify::records) == Verdict::counts);
    CHECK(chain.tip().owner_epoch == 2);
    CHECK(chain.tip().owner == sample::uuid(0x90));
    // The former owner continues a tip that is not the end any more, or is found out.
    const auto zombie = chain.fold(*sample::next_block(chain, 1), Verify::records);
    REQUIRE_FALSE(zombie);
    CHECK_THAT(zombie.error().what, Catch::Contains("epoch goes back from 2 to 1"));
}

TEST_CASE("changed records are found by the root even where every length and checksum is right", "[chain]") {
    ChainFold chain(sample::log_id, 5);
    const BlockHeader header = sample::next_block(chain, 2)->header();
    BlockBuilder builder;
    builder.add(sample::record_header(0), "payload 0");
    builder.add(sample::record_header(1), "payload X");
    const BlockPtr changed = sample::read_back(builder.seal(header));
    CHECK_FALSE(ChainFold(chain).fold(*changed, Verify::records));
    CHECK(chain.fold(*changed, Verify::headers) == Verdict::counts);  // which looks at no record, and says so:
    CHECK_FALSE(chain.edge_known());
}

TEST_CASE("blocks that were read make the edge unknown when only headers are verified", "[chain]") {
    ChainFold source(sample::log_id, 5);
    ChainFold chain(sample::log_id, 5);
    const BlockPtr barrier = sample::next_block(source, 0);
    REQUIRE(source.fold(*barrier, Verify::records) == Verdict::counts);
    CHECK(chain.fold(*sample::read_back(barrier), Verify::headers) == Verdict::counts);
    CHECK(chain.edge_known());  // there was nothing to hash
    const BlockPtr block = sample::next_block(source, 3);
    REQUIRE(source.fold(*block, Verify::records) == Verdict::counts);
    CHECK(chain.fold(*sample::read_back(block), Verify::headers) == Verdict::counts);
    CHECK_FALSE(chain.edge_known());
    CHECK(chain.tip() == source.tip());
    CHECK_THROWS_AS(chain.fold(*sample::next_block(source, 1), Verify::records), std::logic_error);
}

TEST_CASE("a fold goes on from a stored tip and edge", "[chain]") {
    ChainFold chain = chain_of(4);
    ChainFold resumed(sample::log_id, 5, chain.tip(), MerkleEdge::from(chain.edge().size(), chain.edge().peaks()));
    const BlockPtr block = sample::next_block(chain, 3);
    CHECK(resumed.fold(*block, Verify::records) == Verdict::counts);
    CHECK(chain.fold(*block, Verify::records) == Verdict::counts);
    CHECK(resumed.tip() == chain.tip());
}

TEST_CASE("a fold that goes on without an edge verifies headers, and refuses to verify records", "[chain]") {
    ChainFold chain = chain_of(4);
    ChainFold resumed(sample::log_id, 5, chain.tip(), MerkleEdge{});
    CHECK_FALSE(resumed.edge_known());
    const BlockPtr block = sample::next_block(chain, 3);
    CHECK(resumed.fold(*block, Verify::headers) == Verdict::counts);
    CHECK(chain.fold(*block, Verify::records) == Verdict::counts);
    CHECK_FALSE(resumed.edge_known());
    CHECK_THROWS_AS(resumed.fold(*sample::next_block(chain, 1), Verify::records), std::logic_error);
}
