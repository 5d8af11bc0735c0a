#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <utility>

#include "core/ports/backend.hpp"
#include "transport/storage/servers/request_text.hpp"
#include "transport/storage/servers/stored_value.hpp"
#include "transport/storage/servers/stream.hpp"

namespace locum::storage {

/// A value as a server of Memcached has it.
struct Item {
  LoadedRecord record;
  std::uint64_t version = 0;  ///< of the server: "cas unique"
};

/// What a server says to a request that stores or deletes.
enum class ItemReply : std::uint8_t { stored, not_stored, exists, not_found, deleted };

/// A connection to a server of Memcached, by its text protocol: requests are added, sent together, and
/// replied to in their order. It has ServerStream's errors, and those of the server. One thread at a time.
class ItemConnection {
 public:
  explicit ItemConnection(ServerStream stream) : stream_(std::move(stream)) {}

  [[nodiscard]] bool is_broken() const noexcept { return stream_.is_broken(); }
  [[nodiscard]] bool is_clean() const noexcept {
    return !stream_.is_broken() && added_ == 0 && awaited_ == 0;
  }
  [[nodiscard]] bool is_reusable() noexcept { return is_clean() && stream_.is_quiet(); }

  /// \param keys with a space between two
  void add_get(std::string_view keys);
  void add_delete(std::string_view key);
  /// `command`: set, add or cas. The record's bytes have to stay until they are sent.
  void add_store(std::string_view command, std::string_view key, std::string_view expiry,
                 std::span<const std::byte> bytes, const ValueEnd& end, std::string_view version);
  /// Removes an item of that version: it has expired at once.
  void add_end(std::string_view key, std::uint64_t version);
  [[nodiscard]] Result<void> send(Deadline deadline);
  /// The reply to a request that stores or deletes; an error of the server is one.
  [[nodiscard]] Result<ItemReply> receive(Deadline deadline);
  /// The reply to add_get() of those keys: calls `take` with the place of each that there is, in their order,
  /// and its item.
  [[nodiscard]] Result<void> receive_items(std::string_view keys, Deadline deadline,
                                           const std::function<void(std::size_t at, Item item)>& take);

 private:
  void end_request();
  [[nodiscard]] Result<Item> receive_value(std::uint64_t size_bytes, std::uint64_t version,
                                           Deadline deadline);
  [[nodiscard]] Error refused(std::string_view line);

  ServerStream stream_;
  RequestText text_;
  std::size_t added_ = 0;
  std::size_t awaited_ = 0;
};

}  // namespace locum::storage
