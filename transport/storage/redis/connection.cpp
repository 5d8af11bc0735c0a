#include "transport/storage/redis/connection.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "core/ports/backend.hpp"
#include "transport/storage/errors.hpp"

namespace locum::storage {

namespace {

// Of a whole reply.
constexpr std::int64_t most_text_bytes = std::int64_t{1} << 30U;
constexpr std::int64_t most_elements = 1'000'000;
constexpr int deepest_reply = 4;

// The first word of an error is its kind.
std::string_view kind_of(std::string_view error) {
  return error.substr(0, error.find(' '));
}

Error not_admitted(const RedisAccess& access, const RedisReply& reply) {
  const std::string kind(kind_of(reply.text()));
  if (access.password.empty()) {
    return no_password(access.place.name, access.password_option, kind);
  }
  return Error(Errc::invalid_argument,
               access.place.name + " does not admit user '" +
                   (access.user.empty() ? std::string("default") : access.user) +
                   "' with the password that the URL refers to; look at both",
               kind);
}

Error no_primary(const std::string& name, const std::string& detail) {
  return Error(
      Errc::peer_lost,
      name + " is no primary now, and takes no changes; try again when the sentinels name another one",
      detail);
}

bool is_of_primary(const RedisReply& role) {
  return role.kind == RedisReply::Kind::list && !role.elements.empty() && role.elements[0].text() == "master";
}

// In place of what a server says that was a primary, and takes no changes any more.
constexpr std::string_view demoted = "DEMOTED";

}  // namespace

Error no_password(const std::string& name, std::string_view option, std::string reply) {
  return Error(Errc::invalid_argument,
               name + " requires a password; give the URL ?" + std::string(option) + "=env:NAME",
               std::move(reply));
}

Error redis_error(const RedisReply& reply, const std::string& name) {
  const std::string text(reply.text());
  const std::string_view kind = kind_of(text);
  if (kind == "OOM") {
    return Error(Errc::out_of_memory,
                 name + " has no memory left for it; remove records, or raise the server's maxmemory", text);
  }
  if (kind == "WRONGTYPE") {
    return Error(Errc::type_mismatch,
                 name + ": this key has a value of another type than string; use another name", text);
  }
  if (kind == "LOADING" || kind == "MASTERDOWN" || kind == "CLUSTERDOWN" || kind == "TRYAGAIN" ||
      kind == "BUSY") {
    return Error(Errc::peer_lost, name + " is not ready; try again a little later", text);
  }
  if (text.starts_with("ERR max number of clients")) {
    return too_many_connections(name, "maxclients", text);
  }
  if (kind == "NOAUTH") {
    return no_password(name, "password", text);
  }
  if (kind == "NOPERM") {
    return Error(Errc::invalid_argument,
                 name + ": the URL's user may not do this; give it the commands and keys by ACL SETUSER",
                 text);
  }
  if (kind == demoted) {
    return no_primary(name, text);
  }
  if (kind == "READONLY" || kind == "MISCONF" || kind == "NOREPLICAS") {
    return Error(Errc::system, name + " takes no changes now; name the primary, or look at the server's log",
                 text);
  }
  if (kind == "MOVED" || kind == "ASK" || kind == "CROSSSLOT") {
    return Error(Errc::unsupported,
                 name + " is part of a cluster, which is not supported; name a single server", text);
  }
  return refused_by(name, text);
}

Error unexpected_reply(const RedisReply& reply, const std::string& name) {
  return reply.is_error()
             ? redis_error(reply, name)
             : Error(Errc::corrupt, name +
                                        " sent a reply of another kind than the request has; look "
                                        "whether it is a server of Redis or Valkey");
}

Result<RedisConnection> RedisConnection::open(const RedisAccess& access, bool pushes, Deadline deadline) {
  auto stream = ServerStream::connect(access.place, deadline);
  if (!stream) {
    return stream.error();
  }
  RedisConnection made(std::move(*stream));
  made.password_ = access.password;
  const bool has_password = !access.password.empty() || !access.user.empty();
  if (!access.user.empty()) {
    made.add({"AUTH", access.user, access.password});
  } else if (has_password) {
    made.add({"AUTH", access.password});
  }
  if (pushes) {
    made.add({"HELLO", "3"});
    made.add({"CLIENT", "TRACKING", "ON"});
  }
  if (access.database != 0) {
    made.add({"SELECT", std::to_string(access.database)});
  }
  if (access.must_be_primary) {
    made.add({"ROLE"});
  }
  if (made.added_ == 0) {
    return made;
  }
  if (auto sent = made.send(deadline); !sent) {
    return sent.error();
  }
  for (bool is_password = has_password; made.awaited_ > 0; is_password = false) {
    const auto reply = made.receive(deadline);
    if (!reply) {
      return reply.error();
    }
    if (reply->is_error()) {
      Error why = redis_error(*reply, made.name());
      if (why.code() == Errc::peer_lost) {
        return why;  // which may pass, and says nothing of the password, or of what the server can do
      }
      if (is_password || kind_of(reply->text()) == "NOAUTH") {
        return not_admitted(access, *reply);
      }
      return pushes ? Error(Errc::unsupported, made.name() + " does not report changes of its records",
                            reply->line)
                    : why;
    }
    if (access.must_be_primary && made.awaited_ == 0 && !is_of_primary(*reply)) {
      return no_primary(made.name(), {});
    }
  }
  made.must_be_primary_ = access.must_be_primary;
  made.pushes_ = pushes;
  return made;
}

void RedisConnection::add(std::span<const Word> words) {
  text_.add({"*", RequestText::Number(words.size())});
  for (const Word& word : words) {
    text_.add({"\r\n$", RequestText::Number(word.text.size() + word.more.size()), "\r\n"});
    text_.add_bytes(word.text);
    text_.add(word.more);
  }
  text_.add("\r\n");
  ++added_;
}

Result<void> RedisConnection::send(Deadline deadline) {
  awaited_ += std::exchange(added_, 0);
  auto sent = stream_.send(text_.parts(), deadline);
  text_.clear();
  return sent;
}

Result<std::int64_t> RedisConnection::number(std::string_view text) {
  std::int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  return read.ec == std::errc() && read.ptr == text.data() + text.size()
             ? Result<std::int64_t>(value)
             : stream_.garbage("a number that is none");
}

// A server, or what stands in its place, may repeat what it was sent, and errors have its text. A very short
// password is part of other words, and no secret.
std::string RedisConnection::without_password(std::string_view line) const {
  constexpr std::size_t shortest = 4;
  std::string shown(line);
  for (auto at = password_.size() < shortest ? std::string::npos : shown.find(password_);
       at != std::string::npos; at = shown.find(password_, at + 3)) {
    shown.replace(at, password_.size(), "...");
  }
  return shown;
}

Result<RedisReply> RedisConnection::message(Deadline deadline) {
  Room room{.bytes = most_text_bytes, .elements = most_elements};
  return message(deadline, 0, room);
}

Result<RedisReply> RedisConnection::message(Deadline deadline, int depth, Room& room) {
  using Kind = RedisReply::Kind;
  const auto line = stream_.line(deadline);
  if (!line) {
    return line.error();
  }
  if (line->empty()) {
    return stream_.garbage("an empty line");
  }
  RedisReply reply;
  const char type = line->front();
  const std::string_view rest = line->substr(1);
  if (type == '+' || type == '-') {
    room.bytes -= std::ssize(rest);
    if (room.bytes < 0) {
      return stream_.garbage("a list of a length that none has");
    }
    reply.kind = type == '+' ? Kind::status : Kind::error;
    reply.line = type == '+' ? std::string(rest) : repeatable(without_password(rest));
    return reply;
  }
  if (type == '_') {
    return reply;
  }
  if (type != ':' && type != '$' && type != '*' && type != '%' && type != '>') {
    return stream_.garbage("a reply of an unknown kind");
  }
  const auto count = number(rest);
  if (!count) {
    return count.error();
  }
  if (type == ':') {
    reply.kind = Kind::integer;
    reply.integer = *count;
    return reply;
  }
  if (*count == -1) {
    return reply;
  }
  if (type == '$') {
    if (*count < 0 || *count > room.bytes) {
      return stream_.garbage("a text of a length that none has");
    }
    room.bytes -= *count;
    reply.kind = Kind::text;
    reply.size_bytes = static_cast<std::uint64_t>(*count);
    reply.bytes = record_memory(reply.size_bytes);
    if (!reply.bytes) {
      (void)stream_.garbage("more than there is memory for");
      return no_memory_left();
    }
    std::array<std::byte, 2> end;
    auto read = stream_.read({reply.bytes.get(), reply.size_bytes}, deadline);
    read = read ? stream_.read(end, deadline) : read;
    if (!read) {
      return read.error();
    }
    return end[0] == std::byte{'\r'} && end[1] == std::byte{'\n'} ? Result<RedisReply>(std::move(reply))
                                                                  : stream_.garbage("a text without its end");
  }
  const std::int64_t per_entry = type == '%' ? 2 : 1;
  if (*count < 0 || *count > room.elements / per_entry || depth == deepest_reply) {
    return stream_.garbage("a list of a length that none has");
  }
  reply.kind = type == '>' ? Kind::push : Kind::list;
  room.elements -= *count * per_entry;
  for (std::int64_t left = *count * per_entry; left > 0; --left) {
    auto element = message(deadline, depth + 1, room);
    if (!element) {
      return element.error();
    }
    reply.elements.push_back(std::move(*element));
  }
  return reply;
}

Result<RedisReply> RedisConnection::receive(Deadline deadline) {
  while (true) {
    auto reply = message(deadline);
    if (!reply || reply->kind != RedisReply::Kind::push) {
      awaited_ -= reply ? 1 : 0;
      if (must_be_primary_ && reply && reply->is_error() && kind_of(reply->line) == "READONLY") {
        is_demoted_ = true;
        reply->line.replace(0, reply->line.find(' '), demoted);
      }
      return reply;
    }
  }
}

Result<RedisReply> RedisConnection::ask(std::initializer_list<Word> words, Deadline deadline) {
  add(words);
  if (auto sent = send(deadline); !sent) {
    return sent.error();
  }
  return receive(deadline);
}

Result<bool> RedisConnection::pushed(std::string_view key, Deadline until, Deadline deadline) {
  while (stream_.arrives(until)) {
    const auto told = message(deadline);
    if (!told) {
      return told.error();
    }
    if (told->kind != RedisReply::Kind::push || told->elements.size() != 2 ||
        told->elements[0].text() != "invalidate") {
      continue;
    }
    // No list: all keys.
    const RedisReply& keys = told->elements[1];
    if (keys.kind != RedisReply::Kind::list ||
        std::ranges::any_of(keys.elements, [&](const RedisReply& one) { return one.text() == key; })) {
      return true;
    }
  }
  return false;
}

}  // namespace locum::storage
