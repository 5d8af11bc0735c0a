#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/url.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"
#include "transport/storage/redis/connection.hpp"

namespace locum::storage {

/// The sentinels of a group of servers of Redis, which say which of these is the primary. They are asked for
/// each connection, so that nothing is known here that may be old. Any thread may call.
class RedisSentinels {
 public:
  /// Of a URL with the option `sentinel`, the name of the group: its host is a sentinel, and so are those of
  /// the option `sentinels`, with commas between. `password`: theirs. Null if it has not that option. Blocks
  /// as find_server() does.
  [[nodiscard]] static Result<std::unique_ptr<RedisSentinels>> of(
      const Url& url, const std::string& password, const std::shared_ptr<const Security>& security);

  /// A connection to the primary, as `access` says, whatever its place. While the one that they name is
  /// none, or cannot be reached, they are asked again, until the deadline.
  [[nodiscard]] Result<RedisConnection> open(RedisAccess access, bool pushes, Deadline deadline);

 private:
  RedisSentinels(std::string scheme, std::string group, std::vector<RedisAccess> sentinels)
      : scheme_(std::move(scheme)), group_(std::move(group)), sentinels_(std::move(sentinels)) {}
  [[nodiscard]] Result<ServerPlace> primary(Deadline::Clock::time_point moment);
  [[nodiscard]] Result<ServerPlace> ask(const RedisAccess& sentinel, Deadline deadline) const;

  const std::string scheme_;
  const std::string group_;
  const std::vector<RedisAccess> sentinels_;
  std::atomic<std::size_t> answering_{0};  ///< who answered last, and is asked first
};

}  // namespace locum::storage
