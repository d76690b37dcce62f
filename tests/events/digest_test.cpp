#include "events/digest.hpp"

#include "events/crc32c.hpp"

#include <catch2/catch.hpp>

using namespace tidemark::events;

TEST_CASE("SHA-256 agrees with FIPS 180-4's examples", "[digest]") {
    CHECK(hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST_CASE("leaves and nodes are hashed apart, as RFC 6962 has it", "[digest]") {
    CHECK(leaf_hash("abc") == sha256(std::string("\0abc", 4)));
    const Digest left = sha256("left");
    const Digest right = sha256("right");
    std::string node = "\x01";
    node.append(left.begin(), left.end()).append(right.begin(), right.end());
    CHECK(node_hash(left, right) == sha256(node));
}

TEST_CASE("a keyed digest is HMAC-SHA-256, by the cases of RFC 4231", "[digest]") {
    CHECK(hex(KeyedDigest(std::string(20, '\x0b')).of("Hi There")) ==
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(hex(KeyedDigest("Jefe").of("what do ya want for nothing?")) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hex(KeyedDigest(std::string(20, '\xaa')).of(std::string(50, '\xdd'))) ==
          "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    const KeyedDigest long_key(std::string(131, '\xaa'));
    CHECK(hex(long_key.of("Test Using Larger Than Block-Size Key - Hash Key First")) ==
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    CHECK(hex(long_key.of("This is a test using a larger than block-size key and a larger than block-size data. The "
                          "key needs to be hashed before being used by the HMAC algorithm.")) ==
          "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST_CASE("CRC-32C agrees with RFC 3720's examples", "[digest]") {
    std::string rising;
    for (char c = 0; c < 32; ++c) rising += c;
    for (const auto crc : {&crc32c, &crc32c_portable}) {
        CHECK(crc(std::string(32, '\0')) == 0x8A9136AAu);
        CHECK(crc(std::string(32, '\xff')) == 0x62A8AB43u);
        CHECK(crc(rising) == 0x46DD794Eu);
        CHECK(crc("123456789") == 0xE3069283u);
        CHECK(crc("") == 0u);
    }
}

TEST_CASE("CRC-32C is the same with and without the processor's instruction", "[digest]") {
    std::string bytes;
    for (int length = 0; length < 100; ++length) {
        CHECK(crc32c(bytes) == crc32c_portable(bytes));
        bytes += static_cast<char>(length * 37 + 11);
    }
}
