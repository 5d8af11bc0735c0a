#include "transport/storage/errors.hpp"
#include "transport/storage/redis/traits.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <forward_list>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "transport/storage/record_limit.hpp"
#include "transport/storage/redis/change.hpp"
#include "transport/storage/redis/connection.hpp"
#include "transport/storage/redis/sentinels.hpp"
#include "transport/storage/servers/server_backend.hpp"
#include "transport/storage/servers/stored_value.hpp"

namespace locum::storage {

namespace {

using Clock = Deadline::Clock;

constexpr std::size_t looked_through_at_once = 1000;
constexpr std::chrono::milliseconds longest_sleep{1000};
constexpr std::chrono::milliseconds pause_without_pushes{20};
// The server refuses one whose end is no 64-bit number.
constexpr std::chrono::milliseconds longest_lifetime = std::chrono::hours(24 * 365 * 1000);
constexpr std::chrono::milliseconds grace{100};  // of an answer to a wait that ends

std::string prefix_of(std::string_view space) {
  std::string prefix;
  for (const char byte : space) {
    prefix += byte == ':' ? "%3A" : byte == '%' ? "%25" : std::string_view(&byte, 1);
  }
  return prefix + ':';
}

std::string key_of(const RecordKey& key) {
  return prefix_of(key.space).append(key.name);
}

/// The keys of a batch, as words of its requests: those of one space begin alike. To be kept until the
/// requests are sent.
class RequestKeys {
 public:
  [[nodiscard]] RedisConnection::Word of(const RecordKey& key) {
    if (prefixes_.empty() || key.space != space_) {
      space_ = key.space;
      prefixes_.push_front(prefix_of(space_));
    }
    return {prefixes_.front(), key.name};
  }

 private:
  std::string_view space_;
  std::forward_list<std::string> prefixes_;
};

// A pattern of names that begin so.
std::string pattern_of(std::string_view prefix) {
  std::string pattern;
  for (const char byte : prefix) {
    if (std::string_view("*?[]\\").find(byte) != std::string_view::npos) {
      pattern += '\\';
    }
    pattern += byte;
  }
  return pattern + '*';
}

class Redis final : public ServerBackend<RedisConnection> {
 public:
  Redis(const BackendTraits& traits, RedisAccess access, std::unique_ptr<RedisSentinels> sentinels,
        std::uint32_t connections)
      : ServerBackend(traits, {.requests = 256, .stored_bytes = std::size_t{8} << 20U}, connections,
                      [this](Deadline deadline) { return connect(false, deadline); }),
        access_(std::move(access)),
        sentinels_(std::move(sentinels)),
        waiters_(connections, [this](Deadline deadline) { return connect(true, deadline); }) {}

  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override;
  Result<std::uint64_t> drop(std::string_view space, Deadline deadline) override;
  void await(const RecordKey& key, Deadline until) override;

 private:
  [[nodiscard]] Result<RedisConnection> connect(bool pushes, Deadline deadline) const {
    return sentinels_ ? sentinels_->open(access_, pushes, deadline)
                      : RedisConnection::open(access_, pushes, deadline);
  }
  [[nodiscard]] std::size_t load_some(RedisConnection& connection, std::span<const RecordKey> keys,
                                      std::uint64_t last_bytes, std::span<Result<LoadedRecord>> loaded,
                                      Deadline deadline) override;
  [[nodiscard]] std::vector<std::size_t> store_some(RedisConnection& connection,
                                                    std::span<const RecordKey> keys,
                                                    std::span<const NewRecord> records,
                                                    std::span<Result<void>> stored,
                                                    Deadline deadline) override;
  void remove_some(RedisConnection& connection, std::span<const RecordKey> keys,
                   std::span<Result<bool>> removed, Deadline deadline) override;
  [[nodiscard]] Result<bool> remove_revision(RedisConnection& connection, const RecordKey& key,
                                             std::uint64_t revision, Deadline deadline) override {
    const auto changed = changes_.make(connection, key_of(key), revision, "remove", "", deadline);
    return changed ? Result<bool>(*changed == Changed::done) : changed.error();
  }
  template <class Use>
  [[nodiscard]] Result<void> look_through(std::string_view space, std::string_view prefix, Deadline deadline,
                                          Use use);

  const RedisAccess access_;
  const std::unique_ptr<RedisSentinels> sentinels_;  ///< null: the server is that of access_
  ConnectionPool<RedisConnection> waiters_;
  RedisChanges changes_;
  std::atomic<bool> has_pushes_{true};
};

std::size_t Redis::load_some(RedisConnection& connection, std::span<const RecordKey> keys,
                             std::uint64_t last_bytes, std::span<Result<LoadedRecord>> loaded,
                             Deadline deadline) {
  const bool is_whole = last_bytes >= traits().largest_record;
  const std::string from = '-' + std::to_string(is_whole ? 0 : last_bytes + sizeof(ValueEnd));
  RequestKeys words;
  for (const RecordKey& key : keys) {
    if (is_whole) {
      connection.add({"GET", words.of(key)});
    } else {
      connection.add({"GETRANGE", words.of(key), from, "-1"});
      connection.add({"EXISTS", words.of(key)});
    }
  }
  if (auto sent = connection.send(deadline); !sent) {
    std::ranges::fill(loaded, Result<LoadedRecord>(sent.error()));
    return 0;
  }
  std::vector<std::size_t> others;  // which another program has stored, perhaps
  for (std::size_t at = 0; at < keys.size(); ++at) {
    auto reply = connection.receive(deadline);
    auto exists = is_whole || !reply ? Result<RedisReply>(RedisReply()) : connection.receive(deadline);
    if (!reply || !exists) {
      std::ranges::fill(loaded.subspan(at), Result<LoadedRecord>(!reply ? reply.error() : exists.error()));
      return at;
    }
    const bool is_missing = is_whole ? reply->kind == RedisReply::Kind::nil
                                     : exists->kind == RedisReply::Kind::integer && exists->integer == 0;
    if (is_missing) {
      loaded[at] = no_such_object();
    } else if (reply->kind != RedisReply::Kind::text) {
      loaded[at] = unexpected_reply(*reply, connection.name());
    } else if (is_whole) {
      loaded[at] = record_in(std::move(reply->bytes), reply->size_bytes);
    } else if (const ValueEnd end = value_end({reply->bytes.get(), reply->size_bytes}); end.magic != 0) {
      const std::uint64_t shown = reply->size_bytes - sizeof end;
      loaded[at] = LoadedRecord{reply->bytes, {reply->bytes.get(), shown}, end.size_bytes, end.revision};
    } else {
      others.push_back(at);
    }
  }
  for (const std::size_t at : others) {
    loaded[at] = load_value(connection, key_of(keys[at]), deadline);
  }
  return keys.size();
}

Result<void> stored_by(Changed changed) {
  switch (changed) {
    case Changed::done:
      return {};
    case Changed::missing:
      return no_such_object();
    case Changed::other_revision:
    case Changed::not_ours:
      break;
  }
  return other_revision();
}

std::vector<std::size_t> Redis::store_some(RedisConnection& connection, std::span<const RecordKey> keys,
                                           std::span<const NewRecord> records, std::span<Result<void>> stored,
                                           Deadline deadline) {
  struct Sending {
    std::string lifetime;  ///< in milliseconds; empty: for ever
    ValueEnd end;
    bool is_sent = false;
  };
  std::vector<Sending> sending(keys.size());
  RequestKeys words;
  std::string hash;
  const auto value_of = [&](std::size_t at) {
    const std::span<const std::byte> bytes = records[at].bytes;
    return RedisConnection::Word({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                                 sending[at].end.bytes());
  };
  if (std::ranges::any_of(records, [](const auto& one) { return one.expect == Expect::revision; })) {
    hash = changes_.script_hash(connection, deadline);
  }
  for (std::size_t at = 0; at < keys.size(); ++at) {
    const NewRecord& record = records[at];
    Sending& one = sending[at];
    if (is_too_large_for(traits(), record)) {
      stored[at] = too_large_for(traits(), record);
      continue;
    }
    one.lifetime = record.lifetime.count() > 0
                       ? std::to_string(std::min(record.lifetime, longest_lifetime).count())
                       : std::string();
    one.end = {record.bytes.size(), record.revision};
    one.is_sent = true;
    const bool is_new = record.expect == Expect::absent;
    if (record.expect == Expect::revision) {
      RedisChanges::add(connection, words.of(keys[at]), hash, record.expected_revision, one.lifetime,
                        value_of(at));
    } else if (one.lifetime.empty() && is_new) {
      connection.add({"SET", words.of(keys[at]), value_of(at), "NX"});
    } else if (one.lifetime.empty()) {
      connection.add({"SET", words.of(keys[at]), value_of(at)});
    } else if (is_new) {
      connection.add({"SET", words.of(keys[at]), value_of(at), "PX", one.lifetime, "NX"});
    } else {
      connection.add({"SET", words.of(keys[at]), value_of(at), "PX", one.lifetime});
    }
  }
  std::vector<std::size_t> unknown;
  std::vector<std::size_t> again;
  const auto sent = connection.send(deadline);
  for (std::size_t at = 0; at < keys.size(); ++at) {
    if (!sending[at].is_sent) {
      continue;
    }
    const auto reply = sent ? connection.receive(deadline) : Result<RedisReply>(sent.error());
    if (!reply) {
      stored[at] = reply.error();
      unknown.push_back(at);
    } else if (records[at].expect == Expect::revision) {
      const auto changed = RedisChanges::result(*reply, connection.name());
      stored[at] = changed ? stored_by(*changed) : Result<void>(changed.error());
      if (RedisChanges::is_unknown(*reply) || (changed && *changed == Changed::not_ours)) {
        again.push_back(at);
      }
    } else if (reply->kind == RedisReply::Kind::nil && records[at].expect == Expect::absent) {
      stored[at] = record_exists();
    } else {
      stored[at] = reply->kind == RedisReply::Kind::status
                       ? Result<void>()
                       : Result<void>(unexpected_reply(*reply, connection.name()));
    }
  }
  for (const std::size_t at : again) {
    const Sending& one = sending[at];
    const auto changed = changes_.make(connection, key_of(keys[at]), records[at].expected_revision,
                                       one.lifetime, value_of(at), deadline);
    stored[at] = changed ? stored_by(*changed) : Result<void>(changed.error());
    if (!connection.is_clean()) {
      unknown.push_back(at);
    }
  }
  return unknown;
}

void Redis::remove_some(RedisConnection& connection, std::span<const RecordKey> keys,
                        std::span<Result<bool>> removed, Deadline deadline) {
  RequestKeys words;
  for (const RecordKey& key : keys) {
    connection.add({"UNLINK", words.of(key)});
  }
  const auto sent = connection.send(deadline);
  for (Result<bool>& one : removed) {
    const auto reply = sent ? connection.receive(deadline) : Result<RedisReply>(sent.error());
    if (!reply) {
      one = perhaps_changed(reply.error());
    } else if (reply->kind == RedisReply::Kind::integer) {
      one = reply->integer != 0;
    } else {
      one = unexpected_reply(*reply, connection.name());
    }
  }
}

// Calls `use` with a connection and the keys of a space that begin so, some at a time, and some repeatedly.
template <class Use>
Result<void> Redis::look_through(std::string_view space, std::string_view prefix, Deadline deadline,
                                 Use use) {
  const std::string begin = prefix_of(space).append(prefix);
  const std::string pattern = pattern_of(begin);
  const std::string at_once = std::to_string(looked_through_at_once);
  const auto lease = pool().borrow(deadline);
  if (!lease) {
    return lease.error();
  }
  std::string cursor = "0";
  do {
    auto reply = (*lease)->ask({"SCAN", cursor, "MATCH", pattern, "COUNT", at_once}, deadline);
    if (!reply) {
      return reply.error();
    }
    if (reply->elements.size() != 2 || reply->elements[1].kind != RedisReply::Kind::list) {
      return unexpected_reply(*reply, (*lease)->name());
    }
    cursor = reply->elements[0].text();
    auto& keys = reply->elements[1].elements;
    std::erase_if(keys, [&](const RedisReply& key) { return !key.text().starts_with(begin); });
    if (auto used = use(**lease, std::span<const RedisReply>(keys)); !used) {
      return used;
    }
    if (auto time = still_time(deadline); !time) {  // a server that never comes to an end
      return time;
    }
  } while (cursor != "0");
  return {};
}

Result<std::vector<std::string>> Redis::list(std::string_view space, std::string_view prefix,
                                             Deadline deadline) {
  const std::size_t space_bytes = prefix_of(space).size();
  for (bool is_second = false;; is_second = true) {
    std::vector<std::string> names;
    const auto looked = look_through(space, prefix, deadline,
                                     [&](RedisConnection&, std::span<const RedisReply> keys) -> Result<void> {
                                       for (const RedisReply& key : keys) {
                                         names.emplace_back(key.text().substr(space_bytes));
                                       }
                                       return {};
                                     });
    if (looked) {
      std::ranges::sort(names);
      const auto repeated = std::ranges::unique(names);
      names.erase(repeated.begin(), repeated.end());
      return names;
    }
    if (is_second || !is_lost(looked.error())) {
      return looked.error();
    }
  }
}

Result<std::uint64_t> Redis::drop(std::string_view space, Deadline deadline) {
  std::uint64_t dropped = 0;
  const auto looked = look_through(
      space, {}, deadline,
      [&](RedisConnection& connection, std::span<const RedisReply> keys) -> Result<void> {
        if (keys.empty()) {
          return {};
        }
        std::vector<RedisConnection::Word> words{"UNLINK"};
        for (const RedisReply& key : keys) {
          words.emplace_back(key.text());
        }
        connection.add(words);
        auto sent = connection.send(deadline);
        const auto reply = sent ? connection.receive(deadline) : Result<RedisReply>(sent.error());
        if (!reply || reply->kind != RedisReply::Kind::integer) {
          return !reply ? reply.error() : unexpected_reply(*reply, connection.name());
        }
        dropped += static_cast<std::uint64_t>(reply->integer);
        return {};
      });
  return looked ? Result<std::uint64_t>(dropped) : perhaps_changed(looked.error());
}

// The server tells of every change of a key that this connection has read, whoever makes it.
void Redis::await(const RecordKey& key, Deadline until) {
  const auto now = Clock::now();
  const auto moment = std::min(until.moment(longest_sleep), now + longest_sleep);
  if (has_pushes_.load(std::memory_order_relaxed)) {
    const auto lease = waiters_.borrow(moment);
    const std::string name = key_of(key);
    const auto exists =
        lease ? (*lease)->ask({"EXISTS", name}, moment + grace) : Result<RedisReply>(lease.error());
    const bool is_answered = exists && exists->kind == RedisReply::Kind::integer;
    if (is_answered && (exists->integer != 0 || (*lease)->pushed(name, moment, moment + grace))) {
      return;
    }
    if (!exists && exists.error().code() == Errc::unsupported) {
      has_pushes_ = false;
    }
  }
  std::this_thread::sleep_until(std::min(moment, now + pause_without_pushes));
}

// The number of the database that a URL names by its path, or by the option db.
Result<std::uint64_t> database_of(const Url& url) {
  auto database = url.number("db", 0);
  if (!database || url.host.empty() || url.path.size() <= 1) {
    return database;
  }
  const char* const end = url.path.data() + url.path.size();
  const auto read = std::from_chars(url.path.data() + 1, end, *database);
  return read.ec == std::errc() && read.ptr == end && url.option("db").empty()
             ? database
             : Error(Errc::invalid_argument, "the path of the URL is the number of the database, as in " +
                                                 url.scheme + "://host:6379/0");
}

// The secret that an option refers to; none, if it is not given.
Result<std::string> secret_of(const Url& url, std::string_view option) {
  const std::string_view where = url.option(option);
  return where.empty() ? Result<std::string>(std::string()) : secret_in(where);
}

}  // namespace

Result<std::shared_ptr<Backend>> open_redis(const Url& url) {
  std::vector<std::string_view> options{"db",       "password",  "connections",
                                        "sentinel", "sentinels", "sentinel_password"};
  add_security_options(url, options);
  const auto known = url.knows_only(std::move(options));
  const auto connections = most_connections(url);
  const auto database = database_of(url);
  if (!known || !connections || !database) {
    return !known ? known.error() : !connections ? connections.error() : database.error();
  }
  auto password = secret_of(url, "password");
  const auto sentinel_password = secret_of(url, "sentinel_password");
  auto security = security_of(url);
  if (!password || !sentinel_password || !security) {
    return !password ? password.error() : !sentinel_password ? sentinel_password.error() : security.error();
  }
  auto sentinels = RedisSentinels::of(url, *sentinel_password, *security);
  if (!sentinels) {
    return sentinels.error();
  }
  auto place = *sentinels ? Result<ServerPlace>(ServerPlace()) : find_server(url, 6379);
  if (!place) {
    return place.error();
  }
  place->security = std::move(*security);
  const std::array known_traits{backends::redis, backends::rediss, backends::valkey, backends::valkeys};
  const auto traits = std::ranges::find(known_traits, url.scheme, &BackendTraits::scheme);
  return std::shared_ptr<Backend>(std::make_shared<Redis>(*traits,
                                                          RedisAccess{.place = std::move(*place),
                                                                      .user = url.user,
                                                                      .password = std::move(*password),
                                                                      .database = *database},
                                                          std::move(*sentinels), *connections));
}

}  // namespace locum::storage
