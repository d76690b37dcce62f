#include "events/block.hpp"

#include "events/crc32c.hpp"
#include "events/wire.hpp"
#include "tests/events/sample.hpp"

#include <catch2/catch.hpp>

using namespace tidemark::events;

namespace {

BlockPtr sealed(Compression compression, std::size_t records) {
    BlockHeader header = sample::next_header(ChainFold(sample::log_id, 5));
    header.incarnation = 3;
    header.inputs = {{"commands", 2, 77}, {"reactions", 0, 5}};
    header.compression = compression;
    return sample::block(header, {}, records);
}

std::string refusal(std::string stored) {
    const auto block = decode_block(std::move(stored));
    return block ? "decoded" : block.error().what;
}

// A block whose writer put `value` at `offset`, checksum and all: what is left to find when the checksum is right.
template <class T>
std::string written_wrong(const BlockPtr& block, std::size_t offset, T value) {
    std::string bytes(block->stored().substr(0, block->stored().size() - 4));
    std::memcpy(bytes.data() + offset, &value, sizeof(T));
    wire::put(bytes, crc32c(bytes));
    return bytes;
}

}  // namespace

TEST_CASE("a block comes back as it was sealed", "[block]") {
    const auto compression = GENERATE(Compression::none, Compression::zstd);
    const BlockPtr block = sealed(compression, 20);
    CHECK(block->header().compression == compression);
    const BlockPtr read = sample::read_back(block);
    CHECK(read->stored() == block->stored());
    CHECK(read->digest() == block->digest());
    CHECK(read->leaf_hashes().empty());
    const BlockHeader& header = read->header();
    CHECK(header.log_id == sample::log_id);
    CHECK(header.incarnation == 3);
    CHECK(header.partition == 5);
    CHECK(header.number == 0);
    CHECK(header.first_sequence == 0);
    CHECK(header.count == 20);
    CHECK(header.owner_epoch == 1);
    CHECK(header.owner == sample::uuid(0x80));
    CHECK(header.inputs == block->header().inputs);
    CHECK(header.tree_size == 20);
    CHECK(header.root == block->header().root);
    CHECK(header.previous == genesis_digest(sample::log_id, 5));
    CHECK(header.compression == compression);
    REQUIRE(read->size() == 20);
    for (std::size_t i = 0; i < read->size(); ++i) {
        CHECK(read->record(i) == block->record(i));
        CHECK(leaf_hash(read->record(i)) == block->leaf_hashes()[i]);
        CHECK(decode_record(read->record(i)).value().payload == "payload " + std::to_string(i));
    }
}

TEST_CASE("a barrier is a block without records", "[block]") {
    const BlockPtr read = sample::read_back(sealed(Compression::zstd, 0));
    CHECK(read->size() == 0);
    CHECK(read->header().count == 0);
    CHECK(read->next_sequence() == 0);
    CHECK(read->header().root == sha256(""));
    CHECK(read->header().compression == Compression::none);
}

TEST_CASE("what does not gain from compression is stored as it is", "[block]") {
    std::string noise;
    for (int i = 0; i < 20; ++i) {
        const Digest digest = sha256(std::to_string(i));
        noise.append(digest.begin(), digest.end());
    }
    BlockBuilder builder;
    RecordHeader header;
    builder.add(header, noise);
    BlockHeader wanted;
    wanted.compression = Compression::zstd;
    const BlockPtr mostly_zero = builder.seal(wanted);
    CHECK(mostly_zero->header().compression == Compression::zstd);

    builder.add(sample::record_header(), "");
    const BlockPtr small = builder.seal(wanted);
    CHECK(sample::read_back(small)->record(0) == small->record(0));
    CHECK(small->stored().size() <= 166 + 4 + 4 + small->record(0).size());
}

TEST_CASE("every truncation of a block is refused", "[block]") {
    const std::string stored(sealed(GENERATE(Compression::none, Compression::zstd), 5)->stored());
    for (std::size_t size = 0; size < stored.size(); ++size) CHECK_FALSE(decode_block(stored.substr(0, size)));
    CHECK_FALSE(decode_block(stored + '\0'));
}

TEST_CASE("every flip of a single bit of a block is found", "[block]") {
    const std::string stored(sealed(GENERATE(Compression::none, Compression::zstd), 5)->stored());
    std::size_t missed = 0;
    for (std::size_t bit = 0; bit < stored.size() * 8; ++bit) {
        std::string bytes = stored;
        bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
        if (decode_block(std::move(bytes))) ++missed;
    }
    CHECK(missed == 0);
}

TEST_CASE("a block that was written wrong is refused though its checksum is right", "[block]") {
    const BlockPtr plain = sealed(Compression::none, 5);
    const auto body = static_cast<std::uint32_t>(plain->stored().size() - 4 - plain->stored().find("commands") -
                                                 std::string("commands").size() - 12 - 1 - 9 - 12);
    const auto header_bytes = static_cast<std::uint32_t>(plain->stored().size() - 4 - body);
    REQUIRE(wire::get_at<std::uint32_t>(plain->stored(), 8) == header_bytes);
    CHECK_THAT(refusal(written_wrong<char>(plain, 0, 'X')), Catch::Contains("begin with"));
    CHECK_THAT(refusal(written_wrong<std::uint16_t>(plain, 4, 2)), Catch::Contains("format 2"));
    CHECK_THAT(refusal(written_wrong<std::uint8_t>(plain, 6, 2)), Catch::Contains("compression 2"));
    CHECK_THAT(refusal(written_wrong<std::uint8_t>(plain, 7, 1)), Catch::Contains("reserved"));
    CHECK_THAT(refusal(written_wrong<std::uint32_t>(plain, 8, header_bytes + 1)), Catch::Contains("header"));
    CHECK_THAT(refusal(written_wrong<std::uint32_t>(plain, 12, body - 1)), Catch::Contains("body"));
    CHECK_THAT(refusal(written_wrong<std::uint32_t>(plain, 16, body - 1)), Catch::Contains("two lengths"));
    CHECK_THAT(refusal(written_wrong<std::uint32_t>(plain, 64, 4)), Catch::Contains("behind its last record"));
    CHECK_THAT(refusal(written_wrong<std::uint32_t>(plain, 64, 6)), Catch::Contains("before record 5"));
    CHECK_THAT(refusal(written_wrong<std::uint32_t>(plain, 64, 0xffffffff)), Catch::Contains("more records"));
    CHECK_THAT(refusal(written_wrong<std::uint16_t>(plain, 164, 0xffff)), Catch::Contains("within its header"));
    CHECK_THAT(refusal(written_wrong<std::uint32_t>(plain, header_bytes, 0xffffff)),
               Catch::Contains("within record 0"));

    const BlockPtr packed = sealed(Compression::zstd, 5);
    CHECK_THAT(refusal(written_wrong<std::uint32_t>(packed, 16, body + 1)), Catch::Contains("another size"));
    CHECK_THAT(refusal(written_wrong<std::uint32_t>(packed, 16, body - 1)), Catch::Contains("unpack"));
    CHECK_THAT(refusal(written_wrong<std::uint32_t>(packed, 16, 0xffffffff)), Catch::Contains("longer than a block"));
    CHECK_THAT(refusal(written_wrong<std::uint32_t>(packed, header_bytes, 0)), Catch::Contains("unpack"));
}

TEST_CASE("the digest covers every byte of the header, and the root every byte of the records", "[block]") {
    const BlockPtr block = sealed(Compression::none, 3);
    const auto header_bytes = wire::get_at<std::uint32_t>(block->stored(), 8);
    CHECK(block->digest() == sha256(block->stored().substr(0, header_bytes)));
    MerkleEdge edge;
    for (std::size_t i = 0; i < block->size(); ++i) edge.append(leaf_hash(block->record(i)));
    CHECK(block->header().root == edge.root());
}

TEST_CASE("a builder forgets the records behind the count it is cut to, and is empty after sealing", "[block]") {
    BlockBuilder builder;
    builder.add(sample::record_header(0), "kept");
    const std::size_t bytes = builder.bytes();
    builder.add(sample::record_header(1), "dropped");
    builder.add(sample::record_header(2), "dropped too");
    builder.truncate(1);
    CHECK(builder.count() == 1);
    CHECK(builder.bytes() == bytes);
    CHECK(builder.leaf_hashes().size() == 1);
    builder.truncate(5);
    CHECK(builder.count() == 1);
    const BlockPtr block = builder.seal({});
    CHECK(block->size() == 1);
    CHECK(decode_record(block->record(0)).value().payload == "kept");
    CHECK(builder.count() == 0);
    CHECK(builder.bytes() == 0);
    CHECK(builder.leaf_hashes().empty());
}

TEST_CASE("more records than a block may hold are a defect of the caller", "[block]") {
    BlockBuilder builder;
    builder.add(sample::record_header(), std::string(max_block_bytes, 'x'));
    CHECK_THROWS_WITH(builder.seal({}), Catch::Contains("more than a block may hold"));
}

TEST_CASE("the genesis digest is bound to log and partition", "[block]") {
    CHECK(genesis_digest(sample::log_id, 0) != genesis_digest(sample::log_id, 1));
    CHECK(genesis_digest(sample::log_id, 0) != genesis_digest(sample::uuid(1), 0));
}

TEST_CASE("a record that cannot be written leaves nothing in the block", "[block]") {
    BlockBuilder builder;
    builder.add(sample::record_header(), "first");
    const std::string longer_than_a_byte_can_say(256, 'x');
    RecordHeader header = sample::record_header();
    header.actor = longer_than_a_byte_can_say;
    CHECK_THROWS_AS(builder.add(header, "lost"), std::length_error);
    builder.add(sample::record_header(), "second");
    const BlockPtr block = sample::read_back(builder.seal({}));
    REQUIRE(block->size() == 2);
    CHECK(decode_record(block->record(0)).value().payload == "first");
    CHECK(decode_record(block->record(1)).value().payload == "second");
    CHECK_THROWS_AS(builder.add(header, "lost"), std::length_error);
    CHECK(builder.bytes() == 0);
}
