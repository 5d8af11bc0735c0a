#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/ports/backend.hpp"
#include "core/url.hpp"
#include "transport/storage/servers/connection_pool.hpp"

namespace locum::storage {

/// Whether a connection was lost, and with it the replies to come.
[[nodiscard]] inline bool is_lost(const Error& error) noexcept {
  return error.code() == Errc::peer_lost || error.code() == Errc::corrupt;
}
/// The same error; of a connection that broke, or whose time was over, it says that what was sent may be
/// done.
[[nodiscard]] Error perhaps_changed(const Error& error);
/// The option `connections` of a URL: 64 if it is not given.
[[nodiscard]] Result<std::uint32_t> most_connections(const Url& url);

/// What all backends over a server have in common: calls in batches, as many requests in one connection as
/// the server takes at once, and what becomes of them when the connection breaks. Loading is tried once more
/// on another connection. A change is not repeated: it is looked for, and is an error if it is not found.
template <class Connection>
class ServerBackend : public Backend, public RecordBatches {
 public:
  /// What may be on its way at once in one connection.
  struct Limits {
    std::size_t requests = 0;
    std::size_t stored_bytes = 0;
  };

  const BackendTraits& traits() const noexcept override { return traits_; }
  RecordBatches* batches() noexcept override { return this; }

  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override {
    Result<LoadedRecord> loaded(no_such_object());
    load({&key, 1}, last_bytes, {&loaded, 1}, deadline);
    return loaded;
  }
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override {
    Result<void> stored;
    store({&key, 1}, {&record, 1}, {&stored, 1}, deadline);
    return stored;
  }
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override {
    Result<bool> removed(false);
    if (revision == 0) {
      remove({&key, 1}, {&removed, 1}, deadline);
      return removed;
    }
    const auto lease = pool_.borrow(deadline);
    if (!lease) {
      return lease.error();
    }
    removed = remove_revision(**lease, key, revision, deadline);
    return removed ? removed : perhaps_changed(removed.error());
  }

  void load(std::span<const RecordKey> keys, std::uint64_t last_bytes, std::span<Result<LoadedRecord>> loaded,
            Deadline deadline) override {
    for (bool is_second = false; !keys.empty();) {
      const std::size_t count = std::min(keys.size(), limits_.requests);
      std::size_t done = 0;
      if (const auto lease = pool_.borrow(deadline)) {
        done = load_some(**lease, keys.first(count), last_bytes, loaded.first(count), deadline);
      } else {
        loaded[0] = lease.error();
      }
      if (done < count && (is_second || !is_lost(loaded[done].error()))) {
        const Error error = loaded[done].error();
        std::ranges::fill(loaded.subspan(done), Result<LoadedRecord>(error));
        return;
      }
      is_second = done < count;
      keys = keys.subspan(done);
      loaded = loaded.subspan(done);
    }
  }

  void store(std::span<const RecordKey> keys, std::span<const NewRecord> records,
             std::span<Result<void>> stored, Deadline deadline) override {
    while (!keys.empty()) {
      std::size_t count = 1;
      for (std::size_t bytes = records[0].bytes.size(); count < std::min(keys.size(), limits_.requests);
           ++count) {
        bytes += records[count].bytes.size();
        if (bytes > limits_.stored_bytes) {
          break;
        }
      }
      std::vector<std::size_t> unknown;
      {
        const auto lease = pool_.borrow(deadline);
        if (!lease) {
          std::ranges::fill(stored, Result<void>(lease.error()));
          return;
        }
        unknown = store_some(**lease, keys.first(count), records.first(count), stored.first(count), deadline);
      }
      find_out(unknown, keys, records, stored, deadline);
      keys = keys.subspan(count);
      records = records.subspan(count);
      stored = stored.subspan(count);
    }
  }

  void remove(std::span<const RecordKey> keys, std::span<Result<bool>> removed, Deadline deadline) override {
    while (!keys.empty()) {
      const std::size_t count = std::min(keys.size(), limits_.requests);
      const auto lease = pool_.borrow(deadline);
      if (!lease) {
        std::ranges::fill(removed, Result<bool>(lease.error()));
        return;
      }
      remove_some(**lease, keys.first(count), removed.first(count), deadline);
      keys = keys.subspan(count);
      removed = removed.subspan(count);
    }
  }

 protected:
  ServerBackend(const BackendTraits& traits, Limits limits, std::uint32_t connections,
                typename ConnectionPool<Connection>::Open open)
      : traits_(traits), limits_(limits), pool_(connections, std::move(open)) {}

  /// Loads all, or those before the first whose reply is lost, which has the error: returns how many.
  [[nodiscard]] virtual std::size_t load_some(Connection& connection, std::span<const RecordKey> keys,
                                              std::uint64_t last_bytes,
                                              std::span<Result<LoadedRecord>> loaded, Deadline deadline) = 0;
  /// Returns those of which nothing is known, since the connection broke: their errors say how.
  [[nodiscard]] virtual std::vector<std::size_t> store_some(Connection& connection,
                                                            std::span<const RecordKey> keys,
                                                            std::span<const NewRecord> records,
                                                            std::span<Result<void>> stored,
                                                            Deadline deadline) = 0;
  virtual void remove_some(Connection& connection, std::span<const RecordKey> keys,
                           std::span<Result<bool>> removed, Deadline deadline) = 0;
  [[nodiscard]] virtual Result<bool> remove_revision(Connection& connection, const RecordKey& key,
                                                     std::uint64_t revision, Deadline deadline) = 0;
  [[nodiscard]] ConnectionPool<Connection>& pool() noexcept { return pool_; }

 private:
  // Whether a record was stored shows by its revision; that it was not, by nothing, since the server may yet
  // read what it was sent. All are asked for at once: there may be a whole batch of them.
  void find_out(std::span<const std::size_t> unknown, std::span<const RecordKey> keys,
                std::span<const NewRecord> records, std::span<Result<void>> stored, Deadline deadline) {
    std::vector<std::size_t> sought;
    std::vector<RecordKey> names;
    for (const std::size_t at : unknown) {
      if (is_lost(stored[at].error())) {
        sought.push_back(at);
        names.push_back(keys[at]);
      }
      stored[at] = perhaps_changed(stored[at].error());
    }
    std::vector<Result<LoadedRecord>> found(names.size(), Result<LoadedRecord>(no_such_object()));
    load(names, 0, found, deadline);
    for (std::size_t at = 0; at < sought.size(); ++at) {
      if (found[at] && found[at]->revision == records[sought[at]].revision) {
        stored[sought[at]] = {};
      }
    }
  }

  const BackendTraits traits_;
  const Limits limits_;
  ConnectionPool<Connection> pool_;
};

}  // namespace locum::storage
