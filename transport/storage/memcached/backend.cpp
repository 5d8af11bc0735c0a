#include "transport/storage/memcached/traits.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/hash.hpp"
#include "transport/storage/errors.hpp"
#include "transport/storage/memcached/connection.hpp"
#include "transport/storage/record_limit.hpp"
#include "transport/storage/servers/server_backend.hpp"

namespace locum::storage {

namespace {

/// Of an item, what a server keeps for itself, its key, and the end of the value (stored_value.hpp).
constexpr std::uint64_t item_overhead_bytes = (std::uint64_t{1} << 20U) - backends::memcached.largest_record;

constexpr std::size_t most_requests = 256;
constexpr std::size_t longest_plain_space = 33;
constexpr std::int64_t most_relative_seconds = std::int64_t{30} * 24 * 3600;
constexpr std::int64_t last_second = std::numeric_limits<std::int32_t>::max();  // since 1970

void append_item_key(std::string& to, const RecordKey& key) {
  if (key.space.size() <= longest_plain_space && key.space.find(':') == std::string_view::npos &&
      !key.space.starts_with('%')) {
    to += key.space;
  } else {
    constexpr std::string_view digits = "0123456789abcdef";
    to += '%';
    for (const std::uint64_t seed : {std::uint64_t{1}, std::uint64_t{2}}) {
      const std::uint64_t hash = hash64(key.space, seed);
      for (unsigned shift = 64; shift > 0; shift -= 4) {
        to += digits[hash >> (shift - 4) & 0xFU];
      }
    }
  }
  (to += ':').append(key.name);
}

/// As a request has them: with a space between two.
std::string item_keys(std::span<const RecordKey> keys) {
  std::string items;
  for (const RecordKey& key : keys) {
    if (!items.empty()) {
      items += ' ';
    }
    append_item_key(items, key);
  }
  return items;
}

/// Seconds until a record goes, and one more, since the server's clock may be one behind; long ones since
/// 1970, as the protocol has it. One behind the year 2038 is "for ever": the server takes larger numbers for
/// negative ones, and stores nothing.
std::string expiry_of(std::chrono::milliseconds lifetime) {
  if (lifetime.count() <= 0) {
    return "0";
  }
  auto seconds = std::chrono::ceil<std::chrono::seconds>(lifetime).count() + 1;
  if (seconds > most_relative_seconds) {
    seconds +=
        std::chrono::ceil<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  }
  return seconds > last_second ? "0" : std::to_string(seconds);
}

class Memcached final : public ServerBackend<ItemConnection> {
 public:
  Memcached(const BackendTraits& traits, ServerPlace place, std::uint32_t connections)
      : ServerBackend(traits, {.requests = most_requests, .stored_bytes = std::size_t{8} << 20U}, connections,
                      [this](Deadline deadline) -> Result<ItemConnection> {
                        auto stream = ServerStream::connect(place_, deadline);
                        return stream ? Result<ItemConnection>(ItemConnection(std::move(*stream)))
                                      : stream.error();
                      }),
        place_(std::move(place)) {}

 private:
  [[nodiscard]] std::size_t load_some(ItemConnection& connection, std::span<const RecordKey> keys,
                                      std::uint64_t last_bytes, std::span<Result<LoadedRecord>> loaded,
                                      Deadline deadline) override;
  [[nodiscard]] std::vector<std::size_t> store_some(ItemConnection& connection,
                                                    std::span<const RecordKey> keys,
                                                    std::span<const NewRecord> records,
                                                    std::span<Result<void>> stored,
                                                    Deadline deadline) override;
  void remove_some(ItemConnection& connection, std::span<const RecordKey> keys,
                   std::span<Result<bool>> removed, Deadline deadline) override;
  [[nodiscard]] Result<bool> remove_revision(ItemConnection& connection, const RecordKey& key,
                                             std::uint64_t revision, Deadline deadline) override;

  const ServerPlace place_;
};

std::size_t Memcached::load_some(ItemConnection& connection, std::span<const RecordKey> keys,
                                 std::uint64_t /*last_bytes*/, std::span<Result<LoadedRecord>> loaded,
                                 Deadline deadline) {
  const std::string items = item_keys(keys);
  std::ranges::fill(loaded, Result<LoadedRecord>(no_such_object()));
  std::size_t known = 0;  // those before it have come, or are not there
  connection.add_get(items);
  auto done = connection.send(deadline);
  if (done) {
    done = connection.receive_items(items, deadline, [&](std::size_t at, Item item) {
      loaded[at] = std::move(item.record);
      known = at + 1;
    });
  }
  if (!done) {
    std::ranges::fill(loaded.subspan(known), Result<LoadedRecord>(done.error()));
  }
  return connection.is_broken() ? known : keys.size();
}

/// What is there of some items: the server's versions of those with the revision that is expected.
/// Else `not_found` or `stale`; of all whose reply was lost, the error of that.
std::vector<Result<std::uint64_t>> versions_of(ItemConnection& connection, std::span<const RecordKey> keys,
                                               std::span<const std::uint64_t> revisions, Deadline deadline) {
  std::vector<Result<std::uint64_t>> versions(keys.size(), Result<std::uint64_t>(no_such_object()));
  std::size_t known = 0;
  const std::string items = item_keys(keys);
  connection.add_get(items);
  auto done = connection.send(deadline);
  if (done) {
    done = connection.receive_items(items, deadline, [&](std::size_t at, const Item& item) {
      versions[at] = item.record.revision == revisions[at] ? Result<std::uint64_t>(item.version)
                                                           : Result<std::uint64_t>(other_revision());
      known = at + 1;
    });
  }
  if (!done) {
    std::ranges::fill(std::span(versions).subspan(known), Result<std::uint64_t>(done.error()));
  }
  return versions;
}

Result<void> stored_as(ItemReply reply) {
  if (reply == ItemReply::stored) {
    return {};
  }
  return reply == ItemReply::not_stored  ? record_exists()
         : reply == ItemReply::not_found ? no_such_object()
                                         : other_revision();
}

std::vector<std::size_t> Memcached::store_some(ItemConnection& connection, std::span<const RecordKey> keys,
                                               std::span<const NewRecord> records,
                                               std::span<Result<void>> stored, Deadline deadline) {
  // The server compares its own versions: those of the revisions have to be known before.
  std::vector<RecordKey> sought;
  std::vector<std::uint64_t> revisions;
  for (std::size_t at = 0; at < keys.size(); ++at) {
    if (records[at].expect == Expect::revision && !is_too_large_for(traits(), records[at])) {
      sought.push_back(keys[at]);
      revisions.push_back(records[at].expected_revision);
    }
  }
  const auto versions = sought.empty() ? std::vector<Result<std::uint64_t>>()
                                       : versions_of(connection, sought, revisions, deadline);
  std::vector<std::size_t> asked;
  asked.reserve(keys.size());
  std::string item;
  auto version = versions.begin();
  for (std::size_t at = 0; at < keys.size(); ++at) {
    const NewRecord& record = records[at];
    std::string text;  // of the version
    if (is_too_large_for(traits(), record)) {
      stored[at] = too_large_for(traits(), record);
      continue;
    }
    if (record.expect == Expect::revision) {
      const auto& is = *version++;
      if (!is) {
        stored[at] = is.error();
        continue;
      }
      text = std::to_string(*is);
    }
    const std::string_view command = record.expect == Expect::revision ? "cas"
                                     : record.expect == Expect::absent ? "add"
                                                                       : "set";
    item.clear();
    append_item_key(item, keys[at]);
    connection.add_store(command, item, expiry_of(record.lifetime), record.bytes,
                         {record.bytes.size(), record.revision}, text);
    asked.push_back(at);
  }
  std::vector<std::size_t> unknown;
  const auto sent = connection.send(deadline);
  for (const std::size_t at : asked) {
    const auto reply = sent ? connection.receive(deadline) : Result<ItemReply>(sent.error());
    stored[at] = reply ? stored_as(*reply) : Result<void>(reply.error());
    if (!reply && connection.is_broken()) {
      unknown.push_back(at);
    }
  }
  return unknown;
}

void Memcached::remove_some(ItemConnection& connection, std::span<const RecordKey> keys,
                            std::span<Result<bool>> removed, Deadline deadline) {
  std::string item;
  for (const RecordKey& key : keys) {
    item.clear();
    append_item_key(item, key);
    connection.add_delete(item);
  }
  const auto sent = connection.send(deadline);
  for (Result<bool>& one : removed) {
    const auto reply = sent ? connection.receive(deadline) : Result<ItemReply>(sent.error());
    one = reply ? Result<bool>(*reply == ItemReply::deleted) : perhaps_changed(reply.error());
  }
}

Result<bool> Memcached::remove_revision(ItemConnection& connection, const RecordKey& key,
                                        std::uint64_t revision, Deadline deadline) {
  const auto version = versions_of(connection, {&key, 1}, {&revision, 1}, deadline).front();
  if (!version) {
    const Errc code = version.error().code();
    return code == Errc::not_found || code == Errc::stale ? Result<bool>(false) : version.error();
  }
  connection.add_end(item_keys({&key, 1}), *version);
  const auto sent = connection.send(deadline);
  const auto reply = sent ? connection.receive(deadline) : Result<ItemReply>(sent.error());
  return reply ? Result<bool>(*reply == ItemReply::stored) : reply.error();
}

}  // namespace

Result<std::shared_ptr<Backend>> open_memcached(const Url& url) {
  constexpr std::uint64_t least = 16 * 1024;  // the server's own bounds of -I
  constexpr std::uint64_t most = std::uint64_t{1} << 30U;
  std::vector<std::string_view> options{"largest", "connections"};
  add_security_options(url, options);
  const auto known = url.knows_only(std::move(options));
  const auto connections = most_connections(url);
  const auto largest = url.number("largest", std::uint64_t{1} << 20U);
  if (!known || !connections || !largest) {
    return !known ? known.error() : !connections ? connections.error() : largest.error();
  }
  if (*largest < least || *largest > most) {
    return Error(Errc::invalid_argument,
                 "the URL's option largest is a number of bytes from 16384 to 1073741824");
  }
  if (!url.user.empty() || (!url.host.empty() && url.path.size() > 1)) {
    return Error(
        Errc::invalid_argument,
        "memcached: has neither users nor databases; write memcached://host:port or memcached:/socket");
  }
  auto security = security_of(url);
  if (!security) {
    return security.error();
  }
  auto place = find_server(url, 11211);
  if (!place) {
    return place.error();
  }
  place->security = std::move(*security);
  BackendTraits traits = is_secured(url) ? backends::memcacheds : backends::memcached;
  traits.largest_record = *largest - item_overhead_bytes;
  return std::shared_ptr<Backend>(std::make_shared<Memcached>(traits, std::move(*place), *connections));
}

}  // namespace locum::storage
