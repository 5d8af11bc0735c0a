// SET and GET by hiredis, over a unix socket or TCP; one command at a time, or many before the first reply.

#include <hiredis/hiredis.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "bench/peers/makers.hpp"

namespace peers {

namespace {

/// To connect, and for each command: a server that hangs ends the run, and not the other way round.
constexpr timeval patience{30, 0};

struct EndReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, EndReply>;

struct EndContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
using Context = std::unique_ptr<redisContext, EndContext>;

class RedisPeer final : public Peer {
 public:
  /// Up to `at_a_time` commands are sent before their replies are read.
  RedisPeer(redisContext* context, std::size_t at_a_time) : context_(context), at_a_time_(at_a_time) {
    if (!context_ || context_->err != 0) {
      throw std::runtime_error(std::string("no connection to Redis: ") +
                               (context_ ? context_->errstr : "out of memory"));
    }
    if (redisSetTimeout(context_.get(), patience) != REDIS_OK) {
      fail();
    }
    context_->reader->maxbuf = 0;  // else it frees and allocates its buffer again for each large value
  }

  void put(std::span<const Item> items) override {
    in_groups(
        items.size(), [&](std::size_t i) { return items[i].bytes.size(); },
        [&](std::size_t i) {
          append({"SET",
                  items[i].name,
                  {reinterpret_cast<const char*>(items[i].bytes.data()), items[i].bytes.size()}});
        },
        [&](std::size_t /*i*/, const redisReply& reply) { expect(reply, REDIS_REPLY_STATUS); });
  }
  void get(std::span<const std::string> names, const Reader& reader) override {
    in_groups(
        names.size(), [&](std::size_t /*i*/) { return last_bytes_; },
        [&](std::size_t i) {
          append({"GET", names[i]});
        },
        [&](std::size_t i, const redisReply& reply) {
          expect(reply, REDIS_REPLY_STRING);
          last_bytes_ = reply.len;
          reader(i, std::as_bytes(std::span(reply.str, reply.len)));
        });
  }
  void remove(std::span<const Item> items) override {
    for (const Item& item : items) {
      append({"DEL", item.name});
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      expect(*next_reply(), REDIS_REPLY_INTEGER);
    }
  }

 private:
  /// Commands of that many bytes are in flight at most, so that they and their replies fit caches and
  /// buffers.
  static constexpr std::size_t bytes_in_flight = std::size_t{1} << 20U;

  /// `send` and `receive` for each number, in groups of those that may be in flight together.
  template <class BytesOf, class Send, class Receive>
  void in_groups(std::size_t count, const BytesOf& bytes_of, const Send& send, const Receive& receive) {
    for (std::size_t begin = 0; begin < count;) {
      std::size_t end = begin;
      for (std::size_t bytes = 0; end < count && end - begin < at_a_time_ && bytes < bytes_in_flight; ++end) {
        bytes += bytes_of(end);
        send(end);
      }
      for (; begin < end; ++begin) {
        receive(begin, *next_reply());
      }
    }
  }

  void append(std::initializer_list<std::string_view> words) {
    std::array<const char*, 3> begins{};
    std::array<std::size_t, 3> sizes{};
    int count = 0;
    for (const std::string_view word : words) {
      begins.at(static_cast<std::size_t>(count)) = word.data();
      sizes.at(static_cast<std::size_t>(count++)) = word.size();
    }
    if (redisAppendCommandArgv(context_.get(), count, begins.data(), sizes.data()) != REDIS_OK) {
      fail();
    }
  }
  [[nodiscard]] Reply next_reply() {
    void* reply = nullptr;
    if (redisGetReply(context_.get(), &reply) != REDIS_OK) {
      fail();
    }
    return Reply(static_cast<redisReply*>(reply));
  }
  [[noreturn]] void fail() const { throw std::runtime_error(std::string("Redis: ") + context_->errstr); }
  static void expect(const redisReply& reply, int type) {
    if (reply.type != type) {
      throw std::runtime_error("Redis: unexpected reply" + (reply.type == REDIS_REPLY_ERROR
                                                                ? ": " + std::string(reply.str, reply.len)
                                                                : ""));
    }
  }

  Context context_;
  std::size_t at_a_time_;
  std::size_t last_bytes_ = 0;  ///< of the last value that was read; those that follow are alike
};

constexpr std::size_t pipelined_commands = 256;

}  // namespace

std::unique_ptr<Peer> make_redis_unix(const Place& place) {
  return std::make_unique<RedisPeer>(redisConnectUnixWithTimeout(place.redis_socket.c_str(), patience), 1);
}
std::unique_ptr<Peer> make_redis_tcp(const Place& place) {
  return std::make_unique<RedisPeer>(redisConnectWithTimeout("127.0.0.1", place.redis_port, patience), 1);
}
std::unique_ptr<Peer> make_redis_pipelined(const Place& place) {
  return std::make_unique<RedisPeer>(redisConnectUnixWithTimeout(place.redis_socket.c_str(), patience),
                                     pipelined_commands);
}

}  // namespace peers
