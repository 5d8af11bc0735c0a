// set and get by libmemcached, over a unix socket or TCP, one at a time, or many before the first reply.

#include <libmemcached/memcached.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <stdexcept>
#include <string_view>

#include "bench/peers/makers.hpp"

namespace peers {

namespace {

constexpr std::size_t most_at_a_time = 256;

class MemcachedPeer final : public Peer {
 public:
  /// Up to `at_a_time` values are sent, or asked for, before the first reply is read.
  explicit MemcachedPeer(std::size_t at_a_time)
      : client_(memcached_create(nullptr)), at_a_time_(std::min(at_a_time, most_at_a_time)) {
    if (!client_) {
      throw std::runtime_error("Memcached: out of memory");
    }
    // In memory of ours: one that the library has allocated, it frees at the end of each answer.
    memcached_result_create(client_.get(), &result_);
    constexpr std::uint64_t patience_ms = 30'000;
    set(MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
    set(MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, patience_ms);
    set(MEMCACHED_BEHAVIOR_POLL_TIMEOUT, patience_ms);  // of what is sent, and of what is received
    if (at_a_time_ > 1) {
      set(MEMCACHED_BEHAVIOR_BUFFER_REQUESTS, 1);
      // Beyond these it reads replies between two requests, for which it has a patience of 50 ms.
      constexpr std::uint64_t beyond_a_round = std::uint64_t{1} << 30U;
      set(MEMCACHED_BEHAVIOR_IO_MSG_WATERMARK, beyond_a_round);
      set(MEMCACHED_BEHAVIOR_IO_BYTES_WATERMARK, beyond_a_round);
    }
  }

  ~MemcachedPeer() override { memcached_result_free(&result_); }

  void to_socket(const std::string& path) {
    check(memcached_server_add_unix_socket(client_.get(), path.c_str()));
  }
  void to_port(int port) {
    check(memcached_server_add(client_.get(), "127.0.0.1", static_cast<in_port_t>(port)));
  }

  void put(std::span<const Item> items) override {
    constexpr std::time_t for_ever = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Item& item = items[i];
      // Of all changes only `set` and `delete` are buffered. `add`, which does the same with a new name,
      // sends what is buffered and waits for all replies.
      const bool is_last = i + 1 == items.size() || (i + 1) % at_a_time_ == 0;
      check((is_last && at_a_time_ > 1 ? memcached_add : memcached_set)(
          client_.get(), item.name.data(), item.name.size(), reinterpret_cast<const char*>(item.bytes.data()),
          item.bytes.size(), for_ever, 0));
    }
  }
  void get(std::span<const std::string> names, const Reader& reader) override {
    for (std::size_t begin = 0; begin < names.size(); begin += at_a_time_) {
      get(names.subspan(begin, std::min(at_a_time_, names.size() - begin)), begin, reader);
    }
  }
  void remove(std::span<const Item> items) override {
    for (const Item& item : items) {
      check(memcached_delete(client_.get(), item.name.data(), item.name.size(), 0));
    }
    if (at_a_time_ > 1) {
      wait_for_removal(items.back().name);
    }
  }

 private:
  struct EndClient {
    void operator()(memcached_st* client) const { memcached_free(client); }
  };

  void set(memcached_behavior_t behavior, std::uint64_t value) {
    check(memcached_behavior_set(client_.get(), behavior, value));
  }
  /// Sends what is buffered, and waits for all replies: another connection may use the names next.
  void wait_for_removal(const std::string& last) {
    const char* name = last.data();
    const std::size_t size = last.size();
    check(memcached_mget(client_.get(), &name, &size, 1));
    memcached_return_t status = MEMCACHED_SUCCESS;
    if (memcached_fetch_result(client_.get(), &result_, &status) != nullptr) {
      throw std::runtime_error("Memcached: " + last + " is still there");
    }
  }
  /// Names whose first one has the number `first`, by one request. Not memcached_get, which would allocate
  /// memory for each value.
  void get(std::span<const std::string> names, std::size_t first, const Reader& reader) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      asked_[i] = names[i].data();
      sizes_[i] = names[i].size();
    }
    check(memcached_mget(client_.get(), asked_.data(), sizes_.data(), names.size()));
    memcached_return_t status = MEMCACHED_SUCCESS;
    for (std::size_t i = 0; i < names.size(); ++i) {  // in the order in which they are asked for
      if (memcached_fetch_result(client_.get(), &result_, &status) == nullptr) {
        throw std::runtime_error("Memcached: no " + names[i] + ": " +
                                 memcached_strerror(client_.get(), status));
      }
      if (std::string_view(memcached_result_key_value(&result_), memcached_result_key_length(&result_)) !=
          names[i]) {
        throw std::runtime_error("Memcached: another value in the place of " + names[i]);
      }
      reader(first + i,
             std::as_bytes(std::span(memcached_result_value(&result_), memcached_result_length(&result_))));
    }
    if (memcached_fetch_result(client_.get(), &result_, &status) != nullptr) {
      throw std::runtime_error("Memcached: a second value of " + names.back());
    }
  }
  void check(memcached_return_t status) const {
    if (status != MEMCACHED_SUCCESS && status != MEMCACHED_BUFFERED) {
      throw std::runtime_error(std::string("Memcached: ") + memcached_last_error_message(client_.get()));
    }
  }

  std::unique_ptr<memcached_st, EndClient> client_;
  std::size_t at_a_time_;
  std::array<const char*, most_at_a_time> asked_{};
  std::array<std::size_t, most_at_a_time> sizes_{};
  memcached_result_st result_{};  ///< its memory is used again for the next value
};

}  // namespace

std::unique_ptr<Peer> make_memcached_unix(const Place& place) {
  auto peer = std::make_unique<MemcachedPeer>(1);
  peer->to_socket(place.memcached_socket);
  return peer;
}
std::unique_ptr<Peer> make_memcached_tcp(const Place& place) {
  auto peer = std::make_unique<MemcachedPeer>(1);
  peer->to_port(place.memcached_port);
  return peer;
}
std::unique_ptr<Peer> make_memcached_batched(const Place& place) {
  auto peer = std::make_unique<MemcachedPeer>(most_at_a_time);
  peer->to_socket(place.memcached_socket);
  return peer;
}

}  // namespace peers
