#include "transport/storage/redis/sentinels.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>

#include "core/base/back_off.hpp"
#include "core/value/error.hpp"

namespace locum::storage {

namespace {

using Clock = Deadline::Clock;

constexpr std::uint16_t sentinel_port = 26379;
constexpr std::size_t most_sentinels = 64;

// Where another answer of a sentinel may lead to a connection.
bool may_pass(const Error& error) noexcept {
  return error.code() == Errc::peer_lost || error.code() == Errc::timeout;
}

Error no_list(const std::string& scheme) {
  return Error(Errc::invalid_argument,
               scheme +
                   ": the option sentinels is a list of host:port with commas between, "
                   "64 at most, beside the option sentinel, the name of their group");
}

// "host:port,host:port": URLs of those.
Result<std::vector<Url>> listed(const std::string& scheme, std::string_view text) {
  std::vector<Url> all;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    auto one = parse_url(scheme + "://" + std::string(text.substr(0, end)));
    text.remove_prefix(std::min(text.size(), end + 1));
    const bool is_place =
        one && !one->host.empty() && one->user.empty() && one->path.empty() && one->options.empty();
    if (!is_place || all.size() == most_sentinels) {
      return no_list(scheme);
    }
    all.push_back(std::move(*one));
  }
  return all;
}

}  // namespace

Result<std::unique_ptr<RedisSentinels>> RedisSentinels::of(const Url& url, const std::string& password,
                                                           const std::shared_ptr<const Security>& security) {
  const std::string group(url.option("sentinel"));
  if (group.empty()) {
    const bool has_others = !url.option("sentinels").empty() || !password.empty();
    return has_others ? Result<std::unique_ptr<RedisSentinels>>(no_list(url.scheme))
                      : std::unique_ptr<RedisSentinels>();
  }
  auto urls = listed(url.scheme, url.option("sentinels"));
  if (!urls) {
    return urls.error();
  }
  urls->insert(urls->begin(), url);
  std::vector<RedisAccess> sentinels;
  std::optional<Error> why;
  for (const Url& one : *urls) {
    auto place = find_server(one, sentinel_port);
    if (!place) {
      why = place.error();  // the others do, too
      continue;
    }
    place->security = security;
    sentinels.push_back(
        {.place = std::move(*place), .password = password, .password_option = "sentinel_password"});
  }
  if (sentinels.empty()) {
    return *why;
  }
  return std::unique_ptr<RedisSentinels>(new RedisSentinels(url.scheme, group, std::move(sentinels)));
}

Result<RedisConnection> RedisSentinels::open(RedisAccess access, bool pushes, Deadline deadline) {
  const auto moment = deadline.moment(std::chrono::seconds(30));
  BackOff pauses(std::chrono::milliseconds(10), std::chrono::milliseconds(250));
  access.must_be_primary = true;
  while (true) {
    auto place = primary(moment);
    if (!place) {
      return place.error();
    }
    place->security = access.place.security;
    access.place = std::move(*place);
    const auto now = Clock::now();
    auto made = RedisConnection::open(access, pushes, now + (moment - now) / 2);  // time for another one, too
    const auto pause = pauses.next();
    if (made || !may_pass(made.error()) || Clock::now() + pause >= moment) {
      return made;
    }
    std::this_thread::sleep_for(pause);
  }
}

Result<ServerPlace> RedisSentinels::primary(Clock::time_point moment) {
  const std::size_t first = answering_.load(std::memory_order_relaxed);
  std::optional<Error> why;
  for (std::size_t tried = 0; tried < sentinels_.size(); ++tried) {
    const std::size_t at = (first + tried) % sentinels_.size();
    // One that does not answer leaves time for the others, and for the primary.
    const auto now = Clock::now();
    const auto share = (moment - now) / static_cast<std::int64_t>(sentinels_.size() - tried + 1);
    auto place = ask(sentinels_[at], now + share);
    if (place) {
      answering_.store(at, std::memory_order_relaxed);
      return place;
    }
    why = place.error();
  }
  return *why;
}

Result<ServerPlace> RedisSentinels::ask(const RedisAccess& sentinel, Deadline deadline) const {
  auto connection = RedisConnection::open(sentinel, false, deadline);
  if (!connection) {
    return connection.error();
  }
  const auto reply = connection->ask({"SENTINEL", "get-master-addr-by-name", group_}, deadline);
  if (!reply) {
    return reply.error();
  }
  const std::string& name = sentinel.place.name;
  if (reply->is_error() && reply->text().starts_with("NOAUTH")) {
    return no_password(name, "sentinel_password", reply->line);
  }
  if (reply->is_error()) {
    if (Error why = redis_error(*reply, name); may_pass(why)) {
      return why;
    }
    return Error(Errc::invalid_argument,
                 name +
                     " does not answer as a sentinel; leave the option sentinel out where the URL names a "
                     "server itself",
                 reply->line);
  }
  if (reply->kind == RedisReply::Kind::nil) {
    return Error(Errc::invalid_argument, name + " watches no group '" + group_ +
                                             "'; look at 'sentinel monitor' in its configuration");
  }
  Url primary;
  primary.scheme = scheme_;
  bool is_place = reply->elements.size() == 2;
  if (is_place) {
    primary.host = reply->elements[0].text();
    const std::string_view port = reply->elements[1].text();
    const auto read = std::from_chars(port.data(), port.data() + port.size(), primary.port);
    is_place = read.ec == std::errc() && read.ptr == port.data() + port.size() && primary.port != 0 &&
               !primary.host.empty() && primary.host.size() < 256;
  }
  if (!is_place) {
    return unexpected_reply(*reply, name);
  }
  auto place = server_at_address(primary);
  return place ? std::move(place)
               : Error(Errc::unsupported,
                       name + " names the primary '" + repeatable(primary.host) +
                           "' in place of its address, which would have to be resolved within a call; set "
                           "'sentinel announce-hostnames no'");
}

}  // namespace locum::storage
