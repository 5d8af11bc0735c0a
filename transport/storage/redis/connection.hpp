#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/value/deadline.hpp"
#include "core/value/result.hpp"
#include "transport/storage/servers/request_text.hpp"
#include "transport/storage/servers/stream.hpp"

namespace locum::storage {

/// A reply of Redis. Nothing in it is trusted but that it is one.
struct RedisReply {
  enum class Kind : std::uint8_t { status, error, integer, text, nil, list, push };

  Kind kind = Kind::nil;
  std::int64_t integer = 0;
  std::string line;                  ///< of a status, or an error
  std::shared_ptr<std::byte> bytes;  ///< of a text
  std::uint64_t size_bytes = 0;
  std::vector<RedisReply> elements;

  [[nodiscard]] std::string_view text() const noexcept {
    return kind == Kind::text ? std::string_view(reinterpret_cast<const char*>(bytes.get()), size_bytes)
                              : std::string_view(line);
  }
  [[nodiscard]] bool is_error() const noexcept { return kind == Kind::error; }
};

/// How to be admitted by a server of Redis.
struct RedisAccess {
  ServerPlace place;
  std::string user{};
  std::string password{};
  std::uint64_t database = 0;
  std::string_view password_option = "password";  ///< of the URL, for errors
  bool must_be_primary = false;                   ///< else `peer_lost`
};

/// A connection to a server of Redis or Valkey: requests are added, sent together, and replied to in their
/// order. It has ServerStream's errors, and what the server says of its own state: redis_error(). One thread
/// at a time.
class RedisConnection {
 public:
  /// A word of a request: its text, and more of it behind that. What is long is not copied, and has to stay
  /// until it is sent.
  struct Word {
    Word(std::string_view one) : text(one) {}
    Word(const char* one) : text(one) {}
    Word(const std::string& one) : text(one) {}
    Word(std::string_view one, std::string_view behind) : text(one), more(behind) {}
    std::string_view text;
    std::string_view more{};
  };

  /// Admitted, and in its database. `pushes`: the server tells of changes of what this connection reads
  /// (Redis 6); `unsupported` if it cannot.
  [[nodiscard]] static Result<RedisConnection> open(const RedisAccess& access, bool pushes,
                                                    Deadline deadline);

  void add(std::span<const Word> words);
  void add(std::initializer_list<Word> words) { add(std::span(words.begin(), words.size())); }
  [[nodiscard]] Result<void> send(Deadline deadline);
  /// The reply to the first request that has none yet. Pushes that come before it are passed over.
  [[nodiscard]] Result<RedisReply> receive(Deadline deadline);
  /// The reply to one request: the three above.
  [[nodiscard]] Result<RedisReply> ask(std::initializer_list<Word> words, Deadline deadline);
  /// Waits until the server tells that `key` may have changed. False: it did not by then.
  [[nodiscard]] Result<bool> pushed(std::string_view key, Deadline until, Deadline deadline);

  [[nodiscard]] bool is_clean() const noexcept {
    return !stream_.is_broken() && added_ == 0 && awaited_ == 0 && !is_demoted_;
  }
  [[nodiscard]] bool is_reusable() noexcept { return is_clean() && (pushes_ || stream_.is_quiet()); }
  [[nodiscard]] const std::string& name() const noexcept { return stream_.name(); }

 private:
  explicit RedisConnection(ServerStream stream) : stream_(std::move(stream)) {}
  [[nodiscard]] std::string without_password(std::string_view line) const;
  /// What a message may still have, in all its lists.
  struct Room {
    std::int64_t bytes = 0;
    std::int64_t elements = 0;
  };
  [[nodiscard]] Result<RedisReply> message(Deadline deadline);
  [[nodiscard]] Result<RedisReply> message(Deadline deadline, int depth, Room& room);
  [[nodiscard]] Result<std::int64_t> number(std::string_view text);

  ServerStream stream_;
  std::string password_;
  RequestText text_;
  std::size_t added_ = 0;
  std::size_t awaited_ = 0;
  bool pushes_ = false;
  bool must_be_primary_ = false;
  bool is_demoted_ = false;  ///< it is no primary any more: a change was refused
};

/// Returns `invalid_argument`: the URL has to give a password by `option`.
[[nodiscard]] Error no_password(const std::string& name, std::string_view option, std::string reply);
/// What a server's error means for a caller. REQUIRES: reply.is_error().
[[nodiscard]] Error redis_error(const RedisReply& reply, const std::string& name);
/// The error of a reply of a kind that the request cannot have, or that of an error.
[[nodiscard]] Error unexpected_reply(const RedisReply& reply, const std::string& name);

}  // namespace locum::storage
