// Little-endian integers and length-prefixed texts, as records and blocks are written in. A reader
// remembers that it ran past the end, so that a decoder asks once, at its end.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tidemark::events::wire {

static_assert(std::endian::native == std::endian::little, "integers are copied as they lie in memory");

template <std::integral T>
void put(std::string& out, T value) {
    std::array<char, sizeof(T)> bytes;
    std::memcpy(bytes.data(), &value, sizeof(T));
    out.append(bytes.data(), bytes.size());
}

template <std::size_t N>
void put(std::string& out, const std::array<std::uint8_t, N>& value) {
    std::array<char, N> bytes;
    std::memcpy(bytes.data(), value.data(), N);
    out.append(bytes.data(), N);
}

// Writes into room that is known to suffice.
class Writer {
public:
    explicit Writer(char* into) : next_(into) {}

    template <std::integral T>
    void put(T value) {
        std::memcpy(next_, &value, sizeof(T));
        next_ += sizeof(T);
    }
    template <std::size_t N>
    void put(const std::array<std::uint8_t, N>& value) {
        std::memcpy(next_, value.data(), N);
        next_ += N;
    }
    void put(std::string_view text) {
        text.copy(next_, text.size());
        next_ += text.size();
    }
    // A text behind its length, which must fit.
    template <std::unsigned_integral Length>
    void text(std::string_view text) {
        put(static_cast<Length>(text.size()));
        put(text);
    }

private:
    char* next_;
};

template <std::integral T>
[[nodiscard]] T get_at(std::string_view bytes, std::size_t offset) {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
}

// Reads from the front. After a read past the end every value is zero or empty and ok() is false.
class Reader {
public:
    explicit Reader(std::string_view bytes) : next_(bytes.data()), left_(bytes.size()) {}

    template <std::integral T>
    [[nodiscard]] T get() {
        T value{};
        if (take(sizeof(T))) std::memcpy(&value, next_ - sizeof(T), sizeof(T));
        return value;
    }

    template <std::size_t N>
    void get(std::array<std::uint8_t, N>& into) {
        if (take(N)) std::memcpy(into.data(), next_ - N, N);
    }

    [[nodiscard]] std::string_view text(std::size_t length) {
        return take(length) ? std::string_view(next_ - length, length) : std::string_view();
    }

    // A text behind its length.
    template <std::unsigned_integral Length>
    [[nodiscard]] std::string_view text() {
        return text(get<Length>());
    }

    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] std::size_t left() const { return left_; }

private:
    bool take(std::size_t count) {
        if (!ok_ || count > left_) {
            ok_ = false;
            return false;
        }
        next_ += count;
        left_ -= count;
        return true;
    }

    const char* next_;
    std::size_t left_;
    bool ok_ = true;
};

}  // namespace tidemark::events::wire
