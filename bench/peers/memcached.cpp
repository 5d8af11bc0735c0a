// set and get by libmemcached, over a unix socket or TCP, one at a time.

#include <libmemcached/memcached.h>

#include <ctime>
#include <stdexcept>

#include "bench/peers/makers.hpp"

namespace peers {

namespace {

class MemcachedPeer final : public Peer {
 public:
  MemcachedPeer() : client_(memcached_create(nullptr)) {
    if (!client_) {
      throw std::runtime_error("Memcached: out of memory");
    }
    // In memory of ours: one that the library has allocated, it frees at the end of each answer.
    memcached_result_create(client_.get(), &result_);
    constexpr std::uint64_t patience_ms = 30'000;
    set(MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
    set(MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, patience_ms);
    set(MEMCACHED_BEHAVIOR_POLL_TIMEOUT, patience_ms);  // of what is sent, and of what is received
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
    for (const Item& item : items) {
      check(memcached_set(client_.get(), item.name.data(), item.name.size(),
                          reinterpret_cast<const char*>(item.bytes.data()), item.bytes.size(), for_ever, 0));
    }
  }
  void get(std::span<const std::string> names, const Reader& reader) override {
    for (std::size_t i = 0; i < names.size(); ++i) {
      // Not memcached_get, which would allocate memory for each value.
      const char* name = names[i].data();
      const std::size_t size = names[i].size();
      check(memcached_mget(client_.get(), &name, &size, 1));
      memcached_return_t status = MEMCACHED_SUCCESS;
      if (memcached_fetch_result(client_.get(), &result_, &status) == nullptr) {
        throw std::runtime_error("Memcached: no " + names[i] + ": " +
                                 memcached_strerror(client_.get(), status));
      }
      reader(i,
             std::as_bytes(std::span(memcached_result_value(&result_), memcached_result_length(&result_))));
      if (memcached_fetch_result(client_.get(), &result_, &status) != nullptr) {
        throw std::runtime_error("Memcached: a second value of " + names[i]);
      }
    }
  }
  void remove(std::span<const Item> items) override {
    for (const Item& item : items) {
      check(memcached_delete(client_.get(), item.name.data(), item.name.size(), 0));
    }
  }

 private:
  struct EndClient {
    void operator()(memcached_st* client) const { memcached_free(client); }
  };

  void set(memcached_behavior_t behavior, std::uint64_t value) {
    check(memcached_behavior_set(client_.get(), behavior, value));
  }
  void check(memcached_return_t status) const {
    if (status != MEMCACHED_SUCCESS) {
      throw std::runtime_error(std::string("Memcached: ") + memcached_last_error_message(client_.get()));
    }
  }

  std::unique_ptr<memcached_st, EndClient> client_;
  memcached_result_st result_{};  ///< its memory is used again for the next value
};

}  // namespace

std::unique_ptr<Peer> make_memcached_unix(const Place& place) {
  auto peer = std::make_unique<MemcachedPeer>();
  peer->to_socket(place.memcached_socket);
  return peer;
}
std::unique_ptr<Peer> make_memcached_tcp(const Place& place) {
  auto peer = std::make_unique<MemcachedPeer>();
  peer->to_port(place.memcached_port);
  return peer;
}

}  // namespace peers
