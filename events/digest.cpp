#include "events/digest.hpp"

// SHA-256 of 300 bytes takes a third of the time here that it takes through EVP, whose set-up per
// digest costs more than the digest. The low-level calls are deprecated, not removed.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <algorithm>
#include <cstring>

namespace tidemark::events {
namespace {

constexpr std::size_t sha256_block = 64;

Digest finish(SHA256_CTX& context) {
    Digest digest;
    SHA256_Final(digest.data(), &context);
    return digest;
}

// The chaining values after one block of the key, each byte turned by `pad` (RFC 2104).
std::array<std::uint32_t, 8> state_after_key(const std::array<std::uint8_t, sha256_block>& key, std::uint8_t pad) {
    std::array<std::uint8_t, sha256_block> block = key;
    for (auto& byte : block) byte ^= pad;
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, block.data(), block.size());
    std::array<std::uint32_t, 8> state;
    std::copy(std::begin(context.h), std::end(context.h), state.begin());
    return state;
}

SHA256_CTX resume(const std::array<std::uint32_t, 8>& state) {
    SHA256_CTX context;
    SHA256_Init(&context);
    std::copy(state.begin(), state.end(), std::begin(context.h));
    context.Nl = sha256_block * 8;  // bits so far
    return context;
}

}  // namespace

Digest sha256(std::string_view bytes) {
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, bytes.data(), bytes.size());
    return finish(context);
}

Digest leaf_hash(std::string_view record) {
    static constexpr std::uint8_t prefix = 0x00;
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, &prefix, 1);
    SHA256_Update(&context, record.data(), record.size());
    return finish(context);
}

Digest node_hash(const Digest& left, const Digest& right) {
    std::array<std::uint8_t, 1 + 32 + 32> node;
    node[0] = 0x01;
    std::memcpy(node.data() + 1, left.data(), left.size());
    std::memcpy(node.data() + 33, right.data(), right.size());
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, node.data(), node.size());
    return finish(context);
}

std::string hex(std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

std::string hex(const Digest& digest) {
    return hex(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

KeyedDigest::KeyedDigest(std::string_view key) {
    std::array<std::uint8_t, sha256_block> padded{};
    if (key.size() > sha256_block) {
        const Digest shorter = sha256(key);
        std::copy(shorter.begin(), shorter.end(), padded.begin());
    } else {
        std::copy(key.begin(), key.end(), padded.begin());
    }
    inner_ = state_after_key(padded, 0x36);
    outer_ = state_after_key(padded, 0x5c);
}

Digest KeyedDigest::of(std::string_view bytes) const {
    SHA256_CTX inner = resume(inner_);
    SHA256_Update(&inner, bytes.data(), bytes.size());
    const Digest digest = finish(inner);
    SHA256_CTX outer = resume(outer_);
    SHA256_Update(&outer, digest.data(), digest.size());
    return finish(outer);
}

}  // namespace tidemark::events
