#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "core/url.hpp"
#include "transport/storage/errors.hpp"
#include "transport/storage/wrappers/record_filter.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

// A record is libsodium's secretstream (XChaCha20-Poly1305): its header of 24 bytes, chunks of 1 MiB with 17
// bytes each, the last one marked as such, and the number of its key. Space and name are authenticated with
// the first chunk, so that nobody can put one record in the place of another.

namespace locum::storage {

namespace {

constexpr std::size_t header_bytes = crypto_secretstream_xchacha20poly1305_HEADERBYTES;
constexpr std::size_t extra_bytes = crypto_secretstream_xchacha20poly1305_ABYTES;
constexpr std::size_t chunk_bytes = std::size_t{1} << 20U;

/// The last 16 bytes of an encrypted record.
struct EncryptedEnd {
  static constexpr std::uint64_t magic_number = 0x31305952434F4CU;  // "LOCRY01"

  std::uint64_t key_number = 0;  ///< a hash of the key
  std::uint64_t magic = magic_number;
};

/// 32 bytes that are wiped when they are no longer needed.
class SecretKey {
 public:
  SecretKey() = default;
  SecretKey(const SecretKey&) = delete;
  SecretKey& operator=(const SecretKey&) = delete;
  ~SecretKey() { sodium_memzero(bytes_.data(), bytes_.size()); }

  /// Reads 64 hexadecimal digits, or base64. False if it is neither.
  [[nodiscard]] bool read(const std::string& text) noexcept {
    constexpr auto blanks = " \t\r";
    for (const int variant : {sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
                              sodium_base64_VARIANT_URLSAFE, sodium_base64_VARIANT_URLSAFE_NO_PADDING}) {
      std::size_t got = 0;
      const char* end = nullptr;
      if (sodium_base642bin(bytes_.data(), bytes_.size(), text.data(), text.size(), blanks, &got, &end,
                            variant) == 0 &&
          got == bytes_.size() && end == text.data() + text.size()) {
        return true;
      }
    }
    std::size_t got = 0;
    const char* end = nullptr;
    return sodium_hex2bin(bytes_.data(), bytes_.size(), text.data(), text.size(), blanks, &got, &end) == 0 &&
           got == bytes_.size() && end == text.data() + text.size();
  }
  [[nodiscard]] const unsigned char* get() const noexcept { return bytes_.data(); }
  [[nodiscard]] std::uint64_t number() const noexcept {
    static constexpr std::array<unsigned char, 16> what{'l', 'o', 'c', 'u', 'm', ' ', 'k', 'e', 'y'};
    std::array<unsigned char, crypto_generichash_BYTES_MIN> hash{};
    crypto_generichash(hash.data(), hash.size(), what.data(), what.size(), bytes_.data(), bytes_.size());
    std::uint64_t number = 0;
    std::memcpy(&number, hash.data(), sizeof number);
    return number;
  }

 private:
  std::array<unsigned char, crypto_secretstream_xchacha20poly1305_KEYBYTES> bytes_{};
};

/// The state of a stream, wiped in the end: it is as secret as the key.
struct SecretStream {
  crypto_secretstream_xchacha20poly1305_state state{};
  SecretStream() = default;
  SecretStream(const SecretStream&) = delete;
  SecretStream& operator=(const SecretStream&) = delete;
  ~SecretStream() { sodium_memzero(&state, sizeof state); }
};

constexpr std::uint64_t chunks_of(std::uint64_t size_bytes) noexcept {
  return size_bytes == 0 ? 1 : size_bytes / chunk_bytes + (size_bytes % chunk_bytes != 0 ? 1 : 0);
}

constexpr std::uint64_t encrypted_bytes(std::uint64_t size_bytes) noexcept {
  return header_bytes + size_bytes + chunks_of(size_bytes) * extra_bytes + sizeof(EncryptedEnd);
}

BackendTraits with_room_for_chunks(BackendTraits traits) {
  const std::uint64_t most = traits.largest_record;
  const std::uint64_t more = encrypted_bytes(most / 2) - most / 2 + encrypted_bytes(most - most / 2) -
                             (most - most / 2);  // a little more than it is, and does not overflow
  traits.largest_record = more > most ? 0 : most - more;
  traits.in_place = false;
  traits.loads_ends = false;
  return traits;
}

/// What is authenticated besides the bytes: where the record stands, and what it says of itself.
std::string place_of(const RecordKey& key, const EncryptedEnd& end) {
  const std::uint64_t space_bytes = key.space.size();
  std::string place(reinterpret_cast<const char*>(&end), sizeof end);
  place.append(reinterpret_cast<const char*>(&space_bytes), sizeof space_bytes);
  place.append(key.space).append(key.name);
  return place;
}

const unsigned char* raw(const std::byte* bytes) noexcept {
  return reinterpret_cast<const unsigned char*>(bytes);
}

unsigned char* raw(std::byte* bytes) noexcept {
  return reinterpret_cast<unsigned char*>(bytes);
}

class Encryption final : public RecordFilter {
 public:
  /// The first key encrypts, all of them decrypt.
  Encryption(std::shared_ptr<Backend> inner, const BackendTraits& traits,
             std::vector<std::unique_ptr<const SecretKey>> keys)
      : RecordFilter(std::move(inner), traits), keys_(std::move(keys)) {}

 private:
  Result<NewRecord> to_store(const RecordKey& key, const NewRecord& record, Deadline deadline) override {
    const std::uint64_t size = record.bytes.size();
    if (size > traits().largest_record) {
      return record_too_large("encrypt", size, traits().largest_record).about(key.name);
    }
    const EncryptedEnd end{.key_number = keys_.front()->number()};
    auto memory = record_memory(encrypted_bytes(size));
    if (!memory) {
      return no_memory_left();
    }
    SecretStream stream;
    std::byte* to = memory.get();
    crypto_secretstream_xchacha20poly1305_init_push(&stream.state, raw(to), keys_.front()->get());
    to += header_bytes;
    std::string place = place_of(key, end);
    const std::uint64_t chunks = chunks_of(size);
    for (std::uint64_t at = 0; at < chunks; ++at) {
      if (auto time = still_time(deadline); !time) {
        return time.error().about(key.name);
      }
      const auto chunk = record.bytes.subspan(at * chunk_bytes,
                                              std::min<std::uint64_t>(chunk_bytes, size - at * chunk_bytes));
      crypto_secretstream_xchacha20poly1305_push(
          &stream.state, raw(to), nullptr, raw(chunk.data()), chunk.size(),
          reinterpret_cast<const unsigned char*>(place.data()), place.size(),
          at + 1 == chunks ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                           : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
      to += chunk.size() + extra_bytes;
      place.clear();
    }
    std::memcpy(to, &end, sizeof end);
    NewRecord made = record;
    made.bytes = {memory.get(), encrypted_bytes(size)};
    made.owner = std::move(memory);
    return made;
  }

  [[nodiscard]] bool loads_whole() const noexcept override { return true; }

  Result<LoadedRecord> from_store(const RecordKey& key, LoadedRecord stored, Deadline deadline) override {
    const auto refused = [&](const char* why) {
      return Error(Errc::corrupt, std::string("encrypt: ") + why).about(key.name);
    };
    EncryptedEnd end;
    if (stored.bytes.size() != stored.size_bytes || stored.bytes.size() < encrypted_bytes(0)) {
      return refused(
          "the record is too short to be an encrypted one; it was cut, or stored without this "
          "wrapper");
    }
    std::memcpy(&end, stored.bytes.data() + stored.bytes.size() - sizeof end, sizeof end);
    if (end.magic != EncryptedEnd::magic_number) {
      return refused("the record is not an encrypted one; it is damaged, or was stored without this wrapper");
    }
    const auto secret =
        std::ranges::find_if(keys_, [&](const auto& one) { return one->number() == end.key_number; });
    if (secret == keys_.end()) {
      return refused(
          "the record was encrypted with another key, or is damaged; name the key that it was "
          "stored with in encrypt.old");
    }
    auto from = stored.bytes.subspan(header_bytes, stored.bytes.size() - header_bytes - sizeof end);
    const std::uint64_t whole = chunk_bytes + extra_bytes;
    const std::uint64_t chunks = from.size() / whole + (from.size() % whole != 0 ? 1 : 0);
    if (from.size() < chunks * extra_bytes) {
      return refused("the record was cut; store it again");
    }
    const std::uint64_t size = from.size() - chunks * extra_bytes;
    auto memory = record_memory(size);
    if (!memory) {
      return no_memory_left();
    }
    SecretStream stream;
    bool is_right = crypto_secretstream_xchacha20poly1305_init_pull(&stream.state, raw(stored.bytes.data()),
                                                                    (*secret)->get()) == 0;
    std::string place = place_of(key, end);
    std::byte* to = memory.get();
    for (std::uint64_t at = 0; is_right && at < chunks; ++at, place.clear()) {
      if (auto time = still_time(deadline); !time) {
        return time.error().about(key.name);
      }
      const auto chunk = from.first(std::min<std::uint64_t>(whole, from.size()));
      from = from.subspan(chunk.size());
      unsigned char tag = 0;
      is_right = chunk.size() >= extra_bytes &&
                 crypto_secretstream_xchacha20poly1305_pull(
                     &stream.state, raw(to), nullptr, &tag, raw(chunk.data()), chunk.size(),
                     reinterpret_cast<const unsigned char*>(place.data()), place.size()) == 0 &&
                 (tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL) == (at + 1 == chunks);
      to += is_right ? chunk.size() - extra_bytes : 0;
    }
    if (!is_right) {
      return refused(
          "the record is not what was stored under this name: it was damaged, changed, or moved "
          "here from another name");
    }
    LoadedRecord plain;
    plain.bytes = {memory.get(), size};
    plain.size_bytes = size;
    plain.revision = stored.revision;
    plain.owner = std::move(memory);
    return plain;
  }

  const std::vector<std::unique_ptr<const SecretKey>> keys_;
};

}  // namespace

Result<std::shared_ptr<Backend>> encrypted(std::shared_ptr<Backend> inner, const EncryptionOptions& options) {
  if (sodium_init() < 0) {
    return Error(Errc::system, "encrypt: libsodium finds no random numbers in this system");
  }
  std::vector<std::unique_ptr<const SecretKey>> keys;
  const auto read = [&](const std::string& reference, const std::string& option) -> Result<void> {
    auto text = secret_in(reference);
    if (!text) {
      return Error(text.error().code(), "encrypt: " + option + ": " + text.error().text());
    }
    auto key = std::make_unique<SecretKey>();
    const bool is_key = key->read(*text);
    sodium_memzero(text->data(), text->size());
    if (!is_key) {
      return Error(Errc::invalid_argument, "encrypt: what " + option +
                                               " refers to is no key: it is 32 random bytes, as 64 "
                                               "hexadecimal digits or in base64; make one by: openssl rand "
                                               "-hex 32");
    }
    keys.push_back(std::move(key));
    return {};
  };
  if (auto is_read = read(options.key, "encrypt.key"); !is_read) {
    return is_read.error();
  }
  for (const std::string& old : options.old_keys) {
    if (auto is_read = read(old, "encrypt.old"); !is_read) {
      return is_read.error();
    }
  }
  const BackendTraits traits = with_room_for_chunks(inner->traits());
  return std::make_shared<Encryption>(std::move(inner), traits, std::move(keys));
}

}  // namespace locum::storage
