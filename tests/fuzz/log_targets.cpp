// Bytes that claim to be records and blocks.
#include "events/block.hpp"
#include "events/crc32c.hpp"
#include "events/event.hpp"
#include "events/wire.hpp"
#include "tests/fuzz/targets.hpp"

namespace tidemark::tests::fuzz {
namespace {

void read_payload(const events::RecordView& view) {
    const auto payload = events::decode_payload(view);
    must(payload.has_value() || !payload.error().what.empty(), "an error says what is wrong");
}

}  // namespace

// What is hashed and what is read are the same: a record has one way to be written.
void record(std::string_view input) {
    const auto view = events::decode_record(input);
    if (!view) return must(!view.error().what.empty(), "an error says what is wrong");
    must(view->bytes == input, "a record is all of its bytes");
    std::string again;
    (void)events::encode_record(view->header, view->payload, again);
    must(again == input, "a record that was read is written as it was");
    read_payload(*view);
}

// Checksums keep chance out of the decoder; so that the input gets past it, it is given a right one.
void block(std::string_view input) {
    std::string stored(input);
    events::wire::put(stored, events::crc32c(stored));
    const auto block = events::decode_block(stored);
    if (!block) return must(!block.error().what.empty(), "an error says what is wrong");
    must((*block)->stored() == stored, "a block keeps its bytes");
    must((*block)->size() == (*block)->header().count, "a block has as many records as it says");
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < (*block)->size(); ++i) {
        const std::string_view bytes_of = (*block)->record(i);
        bytes += bytes_of.size();
        if (const auto view = events::decode_record(bytes_of)) read_payload(*view);
    }
    must(bytes <= events::max_block_bytes, "a block is no longer than a block may be");
}

}  // namespace tidemark::tests::fuzz
