#include "transport/storage/redis/change.hpp"

#include "transport/storage/servers/stored_value.hpp"

namespace locum::storage {

namespace {

// Changes a record if it ends as is expected, which is atomic here. KEYS: the record's; ARGV: from where that
// end is compared, that end, the magic number, the lifetime or "remove", the new value.
constexpr std::string_view change_script = R"(
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
local last = redis.call('GETRANGE', KEYS[1], ARGV[1], -1)
if last ~= ARGV[2] then
  if string.sub(last, -8) ~= ARGV[3] then return -2 end
  return 0
end
if ARGV[4] == 'remove' then
  redis.call('DEL', KEYS[1])
elseif ARGV[4] == '' then
  redis.call('SET', KEYS[1], ARGV[5])
else
  redis.call('SET', KEYS[1], ARGV[5], 'PX', ARGV[4])
end
return 1)";

// The end of the values of that revision, but for their size.
std::string end_of_revision(std::uint64_t revision) {
  return std::string(ValueEnd{0, revision}.bytes().substr(sizeof revision));
}

void add_script(RedisConnection& connection, const RedisConnection::Word& key, const std::string& script_hash,
                std::string_view from, std::string_view last, std::string_view how,
                const RedisConnection::Word& value) {
  static const std::string magic(ValueEnd().bytes().substr(2 * sizeof(std::uint64_t)));
  const bool has_hash = !script_hash.empty();
  connection.add({has_hash ? "EVALSHA" : "EVAL", has_hash ? std::string_view(script_hash) : change_script,
                  "1", key, from, last, magic, how, value});
}

}  // namespace

void RedisChanges::add(RedisConnection& connection, const RedisConnection::Word& key,
                       const std::string& script_hash, std::uint64_t revision, std::string_view how,
                       const RedisConnection::Word& value) {
  add_script(connection, key, script_hash, "-16", end_of_revision(revision), how, value);
}

Result<Changed> RedisChanges::result(const RedisReply& reply, const std::string& name) {
  return reply.kind == RedisReply::Kind::integer && reply.integer >= -2 && reply.integer <= 1
             ? Result<Changed>(static_cast<Changed>(reply.integer))
             : unexpected_reply(reply, name);
}

bool RedisChanges::is_unknown(const RedisReply& reply) {
  return reply.is_error() && reply.text().starts_with("NOSCRIPT");
}

// Empty: it has none, and is given the script itself.
std::string RedisChanges::script_hash(RedisConnection& connection, Deadline deadline) {
  {
    const MutexLock lock(mutex_);
    if (!script_hash_.empty()) {
      return script_hash_;
    }
  }
  const auto reply = connection.ask({"SCRIPT", "LOAD", change_script}, deadline);
  if (!reply || reply->kind != RedisReply::Kind::text) {
    return {};
  }
  const MutexLock lock(mutex_);
  script_hash_ = reply->text();
  return script_hash_;
}

// Changes a record, if it has that revision.
Result<Changed> RedisChanges::make(RedisConnection& connection, const std::string& key,
                                   std::uint64_t revision, std::string_view how,
                                   const RedisConnection::Word& value, Deadline deadline) {
  const auto run = [&](const std::string& hash, std::string_view from,
                       std::string_view last) -> Result<RedisReply> {
    add_script(connection, key, hash, from, last, how, value);
    auto sent = connection.send(deadline);
    return sent ? connection.receive(deadline) : Result<RedisReply>(sent.error());
  };
  const std::string end = end_of_revision(revision);
  auto reply = run(script_hash(connection, deadline), "-16", end);
  if (reply && is_unknown(*reply)) {  // the server has started again
    reply = run({}, "-16", end);
  }
  auto changed = reply ? result(*reply, connection.name()) : Result<Changed>(reply.error());
  if (!changed || *changed != Changed::not_ours) {
    return changed;
  }
  // Another program stored it: its revision is a hash of all of it.
  const auto found = load_value(connection, key, deadline);
  if (!found) {
    return found.error().code() == Errc::not_found ? Result<Changed>(Changed::missing) : found.error();
  }
  if (found->revision != revision) {
    return Changed::other_revision;
  }
  reply = run({}, "0", {reinterpret_cast<const char*>(found->bytes.data()), found->bytes.size()});
  changed = reply ? result(*reply, connection.name()) : Result<Changed>(reply.error());
  return changed && *changed == Changed::not_ours ? Result<Changed>(Changed::other_revision) : changed;
}

Result<LoadedRecord> load_value(RedisConnection& connection, const std::string& key, Deadline deadline) {
  auto reply = connection.ask({"GET", key}, deadline);
  if (!reply) {
    return reply.error();
  }
  if (reply->kind == RedisReply::Kind::nil) {
    return no_such_object();
  }
  return reply->kind == RedisReply::Kind::text
             ? record_in(std::move(reply->bytes), reply->size_bytes)
             : Result<LoadedRecord>(unexpected_reply(*reply, connection.name()));
}

}  // namespace locum::storage
