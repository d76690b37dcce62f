#include "events/block.hpp"

#include "events/crc32c.hpp"
#include "events/wire.hpp"

#include <zstd.h>

#include <algorithm>
#include <stdexcept>

namespace tidemark::events {
namespace {

constexpr std::string_view magic = "TMBK";
constexpr std::uint16_t block_format = 1;
constexpr std::size_t fixed_header_bytes = 166;
constexpr std::size_t checksum_bytes = 4;
constexpr std::size_t frame_bytes = 4;  // the length before each record
constexpr int zstd_level = 1;

std::unexpected<DecodeError> refused(std::string what) {
    return std::unexpected(DecodeError{"block: " + std::move(what)});
}

// A zstd context costs more to make than a block costs to compress: one per thread, for as long as the thread.
struct FreeContext {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

ZSTD_CCtx* compressor() {
    thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
    if (!context) throw std::bad_alloc();
    return context.get();
}

ZSTD_DCtx* decompressor() {
    thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
    if (!context) throw std::bad_alloc();
    return context.get();
}

// Into room that the thread keeps. Empty when it does not become smaller. Valid until the thread's next call.
std::string_view compressed(std::string_view body) {
    thread_local std::vector<char> room;
    if (room.size() < body.size()) room.resize(body.size());
    const std::size_t size =
        ZSTD_compressCCtx(compressor(), room.data(), body.size(), body.data(), body.size(), zstd_level);
    // What does not fit into its own size is an error to zstd, and no gain to us.
    if (ZSTD_isError(size) || size >= body.size()) return {};
    return {room.data(), size};
}

void put_header(const BlockHeader& header, std::size_t stored_body, std::size_t body, std::string& out) {
    std::size_t header_bytes = fixed_header_bytes;
    for (const InputPlace& place : header.inputs) header_bytes += 1 + place.input.size() + 4 + 8;
    out.reserve(header_bytes + stored_body + checksum_bytes);
    out.append(magic);
    wire::put(out, block_format);
    wire::put(out, static_cast<std::uint8_t>(header.compression));
    wire::put(out, std::uint8_t{0});
    wire::put(out, static_cast<std::uint32_t>(header_bytes));
    wire::put(out, static_cast<std::uint32_t>(stored_body));
    wire::put(out, static_cast<std::uint32_t>(body));
    wire::put(out, header.log_id.bytes);
    wire::put(out, header.incarnation);
    wire::put(out, header.partition);
    wire::put(out, header.number);
    wire::put(out, header.first_sequence);
    wire::put(out, header.count);
    wire::put(out, header.owner_epoch);
    wire::put(out, header.owner.bytes);
    wire::put(out, header.tree_size);
    wire::put(out, header.root);
    wire::put(out, header.previous);
    if (header.inputs.size() > 0xffff) throw std::length_error("block: more than 65,535 inputs");
    wire::put(out, static_cast<std::uint16_t>(header.inputs.size()));
    for (const InputPlace& place : header.inputs) {
        if (place.input.size() > 0xff) throw std::length_error("block: the name of an input is longer than 255 bytes");
        wire::put(out, static_cast<std::uint8_t>(place.input.size()));
        out.append(place.input);
        wire::put(out, place.partition);
        wire::put(out, place.next);
    }
}

struct BodySizes {
    std::uint32_t header = 0;
    std::uint32_t stored = 0;
    std::uint32_t unpacked = 0;
};

// Reads the header; the checksum has been found right, so that what is wrong here was written wrong.
std::expected<BodySizes, DecodeError> get_header(std::string_view bytes, BlockHeader& header) {
    wire::Reader in(bytes);
    if (in.text(magic.size()) != magic) return refused("it does not begin with \"TMBK\"");
    const auto format = in.get<std::uint16_t>();
    if (format != block_format) return refused("format " + std::to_string(format) + ", of which nothing is known");
    const auto compression = in.get<std::uint8_t>();
    const auto reserved = in.get<std::uint8_t>();
    BodySizes sizes;
    sizes.header = in.get<std::uint32_t>();
    sizes.stored = in.get<std::uint32_t>();
    sizes.unpacked = in.get<std::uint32_t>();
    in.get(header.log_id.bytes);
    header.incarnation = in.get<std::uint64_t>();
    header.partition = in.get<std::uint32_t>();
    header.number = in.get<std::uint64_t>();
    header.first_sequence = in.get<std::uint64_t>();
    header.count = in.get<std::uint32_t>();
    header.owner_epoch = in.get<std::uint64_t>();
    in.get(header.owner.bytes);
    header.tree_size = in.get<std::uint64_t>();
    in.get(header.root);
    in.get(header.previous);
    const auto inputs = in.get<std::uint16_t>();
    for (int i = 0; i < inputs && in.ok(); ++i) {
        InputPlace place;
        place.input = in.text<std::uint8_t>();
        place.partition = in.get<std::uint32_t>();
        place.next = in.get<std::uint64_t>();
        header.inputs.push_back(std::move(place));
    }
    if (!in.ok()) return refused("it ends within its header");
    if (compression > 1) return refused("compression " + std::to_string(compression) + ", which does not exist");
    if (reserved != 0) return refused("the reserved byte is not zero");
    header.compression = static_cast<Compression>(compression);
    if (bytes.size() - in.left() != sizes.header) return refused("its header is not as long as it says");
    return sizes;
}

// Finds where each record begins, in one pass. `base`: where the body begins in the string it lies in.
std::expected<std::vector<std::uint32_t>, DecodeError> frame(std::string_view body, std::size_t base,
                                                             std::uint32_t count) {
    if (count > body.size() / frame_bytes) return refused("more records than its body can hold");
    std::vector<std::uint32_t> offsets;
    offsets.reserve(std::size_t{count} + 1);
    std::size_t at = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        offsets.push_back(static_cast<std::uint32_t>(base + at));
        if (body.size() - at < frame_bytes) return refused("its body ends before record " + std::to_string(i));
        const auto length = wire::get_at<std::uint32_t>(body, at);
        at += frame_bytes;
        if (length > body.size() - at) return refused("its body ends within record " + std::to_string(i));
        at += length;
    }
    if (at != body.size()) return refused("bytes behind its last record");
    offsets.push_back(static_cast<std::uint32_t>(base + at));
    return offsets;
}

std::expected<std::string, DecodeError> unpacked(std::string_view stored, std::size_t size) {
    std::string body(size, '\0');
    const std::size_t got = ZSTD_decompressDCtx(decompressor(), body.data(), body.size(), stored.data(), stored.size());
    if (ZSTD_isError(got)) return refused(std::string("its body does not unpack: ") + ZSTD_getErrorName(got));
    if (got != size) return refused("its body unpacks to another size than it says");
    return body;
}

}  // namespace

Digest genesis_digest(const Uuid& log_id, Partition partition) {
    std::string bytes = "tidemark genesis\n";
    wire::put(bytes, log_id.bytes);
    wire::put(bytes, partition);
    return sha256(bytes);
}

std::string_view Block::record(std::size_t index) const {
    const std::string& held = header_.compression == Compression::none ? stored_ : body_;
    const std::size_t begin = offsets_.at(index) + frame_bytes;
    return std::string_view(held).substr(begin, offsets_.at(index + 1) - begin);
}

std::size_t Block::memory_bytes() const {
    return sizeof(Block) + stored_.capacity() + body_.capacity() + offsets_.capacity() * sizeof(std::uint32_t) +
           leaf_hashes_.capacity() * sizeof(Digest) + header_.inputs.capacity() * sizeof(InputPlace);
}

std::string_view BlockBuilder::add(const RecordHeader& header, std::string_view payload) {
    const std::size_t begin = body_.size();
    std::size_t length = 0;
    try {
        wire::put(body_, std::uint32_t{0});
        length = encode_record(header, payload, body_);
    } catch (...) {  // nothing of a record that could not be written may stay in the block
        body_.resize(begin);
        throw;
    }
    const auto prefix = static_cast<std::uint32_t>(length);
    body_.replace(begin, frame_bytes, reinterpret_cast<const char*>(&prefix), frame_bytes);
    const std::string_view record = std::string_view(body_).substr(begin + frame_bytes, length);
    offsets_.push_back(static_cast<std::uint32_t>(begin));
    return record;
}

std::span<const Digest> BlockBuilder::leaf_hashes() {
    leaf_hashes_.reserve(offsets_.size());
    for (std::size_t i = leaf_hashes_.size(); i < offsets_.size(); ++i) {
        const std::size_t begin = offsets_[i] + frame_bytes;
        const std::size_t end = i + 1 < offsets_.size() ? offsets_[i + 1] : body_.size();
        leaf_hashes_.push_back(leaf_hash(std::string_view(body_).substr(begin, end - begin)));
    }
    return leaf_hashes_;
}

void BlockBuilder::truncate(std::size_t count) {
    if (count >= offsets_.size()) return;
    body_.resize(offsets_[count]);
    offsets_.resize(count);
    leaf_hashes_.resize(std::min(leaf_hashes_.size(), count));
}

BlockPtr BlockBuilder::seal(BlockHeader header) {
    if (body_.size() > max_block_bytes) {
        throw std::length_error("block: " + std::to_string(body_.size()) +
                                " bytes of records, more than a block may hold");
    }
    (void)leaf_hashes();
    auto block = std::make_shared<Block>();
    header.count = static_cast<std::uint32_t>(offsets_.size());
    std::string_view packed;
    if (header.compression == Compression::zstd) packed = compressed(body_);
    header.compression = packed.empty() ? Compression::none : Compression::zstd;
    const std::string_view stored_body = packed.empty() ? body_ : packed;

    put_header(header, stored_body.size(), body_.size(), block->stored_);
    const std::size_t header_bytes = block->stored_.size();
    block->digest_ = sha256(block->stored_);
    block->stored_.append(stored_body);
    wire::put(block->stored_, crc32c(block->stored_));

    const bool in_place = packed.empty();
    offsets_.push_back(static_cast<std::uint32_t>(body_.size()));
    if (in_place) {
        for (auto& offset : offsets_) offset += static_cast<std::uint32_t>(header_bytes);
    } else {
        block->body_ = body_;
    }
    block->header_ = std::move(header);
    block->offsets_ = offsets_;
    block->leaf_hashes_ = leaf_hashes_;
    body_.clear();  // their room stays, for the next block
    offsets_.clear();
    leaf_hashes_.clear();
    return block;
}

std::expected<BlockPtr, DecodeError> decode_block(std::string stored) {
    if (stored.size() < fixed_header_bytes + checksum_bytes) return refused("too short for one");
    const std::string_view covered = std::string_view(stored).substr(0, stored.size() - checksum_bytes);
    if (crc32c(covered) != wire::get_at<std::uint32_t>(stored, covered.size())) {
        return refused("its checksum does not match its bytes");
    }
    auto block = std::make_shared<Block>();
    const auto sizes = get_header(covered, block->header_);
    if (!sizes) return std::unexpected(sizes.error());
    const std::string_view stored_body = covered.substr(sizes->header);
    if (stored_body.size() != sizes->stored) return refused("its body is not as long as it says");
    if (sizes->unpacked > max_block_bytes) return refused("its body is longer than a block may hold");
    block->digest_ = sha256(covered.substr(0, sizes->header));

    const bool in_place = block->header_.compression == Compression::none;
    if (in_place && sizes->stored != sizes->unpacked) return refused("its body is not compressed and has two lengths");
    if (!in_place) {
        auto body = unpacked(stored_body, sizes->unpacked);
        if (!body) return std::unexpected(body.error());
        block->body_ = std::move(*body);
    }
    auto offsets = frame(in_place ? stored_body : std::string_view(block->body_), in_place ? sizes->header : 0,
                         block->header_.count);
    if (!offsets) return std::unexpected(offsets.error());
    block->offsets_ = std::move(*offsets);
    block->stored_ = std::move(stored);
    return block;
}

}  // namespace tidemark::events
