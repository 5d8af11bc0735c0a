#include "transport/storage/memcached/connection.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include "transport/storage/errors.hpp"

namespace locum::storage {

namespace {

constexpr std::uint64_t largest_value = std::uint64_t{1} << 30U;

struct ItemHead {
  std::string_view key;  ///< empty: it is none
  std::uint64_t size_bytes = 0;
  std::uint64_t version = 0;
};

bool is_refusal(std::string_view line) noexcept {
  return line == "ERROR" || line.starts_with("ERROR ") || line.starts_with("CLIENT_ERROR") ||
         line.starts_with("SERVER_ERROR");
}

// VALUE <key> <flags> <bytes> <version>
ItemHead head_in(std::string_view line) noexcept {
  std::array<std::string_view, 5> words;
  for (std::string_view& word : words) {
    const std::size_t end = std::min(line.find(' '), line.size());
    word = line.substr(0, end);
    line.remove_prefix(std::min(line.size(), end + 1));
  }
  const auto read = [](std::string_view text, std::uint64_t& number) {
    const auto done = std::from_chars(text.data(), text.data() + text.size(), number);
    return done.ec == std::errc() && done.ptr == text.data() + text.size();
  };
  ItemHead head{words[1]};
  const bool is_head =
      words[0] == "VALUE" && line.empty() && read(words[3], head.size_bytes) && read(words[4], head.version);
  return is_head ? head : ItemHead();
}

}  // namespace

void ItemConnection::add_get(std::string_view keys) {
  text_.add({"gets ", keys});
  end_request();
}

void ItemConnection::add_delete(std::string_view key) {
  text_.add({"delete ", key});
  end_request();
}

void ItemConnection::add_store(std::string_view command, std::string_view key, std::string_view expiry,
                               std::span<const std::byte> bytes, const ValueEnd& end,
                               std::string_view version) {
  text_.add({command, " ", key, " 0 ", expiry, " ", RequestText::Number(bytes.size() + sizeof end),
             version.empty() ? "" : " ", version, "\r\n"});
  text_.add_bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  text_.add(end.bytes());
  end_request();
}

void ItemConnection::add_end(std::string_view key, std::uint64_t version) {
  text_.add({"cas ", key, " 0 -1 0 ", RequestText::Number(version), "\r\n"});
  end_request();
}

void ItemConnection::end_request() {
  text_.add("\r\n");
  text_.end_request();
  ++added_;
}

Result<void> ItemConnection::send(Deadline deadline) {
  awaited_ += std::exchange(added_, 0);
  Result<void> sent;
  if (stream_.is_secured()) {
    // Memcached (1.6.18) waits for its socket when it has no whole request left, also if OpenSSL has read
    // more than it asked for: a record of TLS with the end of one request and the beginning of another one is
    // never looked at again. Its memory for requests has room for a record.
    for (const auto& group : text_.groups(largest_tls_record)) {
      sent = sent ? stream_.send(group, deadline) : std::move(sent);
    }
  } else {
    sent = stream_.send(text_.parts(), deadline);
  }
  text_.clear();
  return sent;
}

Result<ItemReply> ItemConnection::receive(Deadline deadline) {
  const auto line = stream_.line(deadline);
  if (!line) {
    return line.error();
  }
  --awaited_;
  if (is_refusal(*line)) {
    return refused(*line);
  }
  // In the order of ItemReply.
  constexpr std::array<std::string_view, 5> known{"STORED", "NOT_STORED", "EXISTS", "NOT_FOUND", "DELETED"};
  const auto found = std::ranges::find(known, *line);
  if (found == known.end()) {
    return stream_.garbage("a line that is no reply");
  }
  return static_cast<ItemReply>(found - known.begin());
}

Result<Item> ItemConnection::receive_value(std::uint64_t size_bytes, std::uint64_t version,
                                           Deadline deadline) {
  const std::shared_ptr<std::byte> value = record_memory(size_bytes);
  if (!value) {
    (void)stream_.garbage("more than there is memory for");
    return no_memory_left();
  }
  if (auto read = stream_.read({value.get(), size_bytes}, deadline); !read) {
    return read.error();
  }
  const auto end = stream_.line(deadline);
  if (!end || !end->empty()) {
    return end ? stream_.garbage("an item without its end") : end.error();
  }
  return Item{record_in(value, size_bytes), version};
}

Result<void> ItemConnection::receive_items(std::string_view keys, Deadline deadline,
                                           const std::function<void(std::size_t at, Item item)>& take) {
  std::string_view key;  // of the place `at`
  const auto go_on = [&keys, &key] {
    const bool is_there = !keys.empty();
    key = keys.substr(0, keys.find(' '));
    keys.remove_prefix(std::min(keys.size(), key.size() + 1));
    return is_there;
  };
  for (std::size_t at = 0;; ++at) {
    const auto line = stream_.line(deadline);
    if (!line) {
      return line.error();
    }
    const bool is_refused = is_refusal(*line);
    if (is_refused || *line == "END") {
      --awaited_;
      return is_refused ? Result<void>(refused(*line)) : Result<void>();
    }
    const ItemHead head = head_in(*line);
    bool is_asked_for = go_on();
    for (; is_asked_for && key != head.key; ++at) {
      is_asked_for = go_on();
    }
    if (!is_asked_for || head.size_bytes > largest_value) {
      return stream_.garbage("an item that it was not asked for");
    }
    auto item = receive_value(head.size_bytes, head.version, deadline);
    if (!item) {
      return item.error();
    }
    take(at, std::move(*item));
  }
}

// After a client's error the server may take what follows for requests.
Error ItemConnection::refused(std::string_view line) {
  const std::string text = repeatable(line);
  if (text.find("too large") != std::string::npos) {
    return Error(Errc::value_too_large,
                 stream_.name() +
                     " holds no value of that size; store it in parts, or start the server with "
                     "-I and give the URL the option largest",
                 text);
  }
  if (text.find("out of memory") != std::string::npos) {
    return Error(Errc::out_of_memory, stream_.name() + " has no memory for it; give the server more by -m",
                 text);
  }
  if (!text.starts_with("SERVER_ERROR")) {
    (void)stream_.garbage(text);
  }
  if (text.starts_with("ERROR Too many open connections")) {
    return too_many_connections(stream_.name(), "limit on them (-c)", text);
  }
  return refused_by(stream_.name(), text);
}

}  // namespace locum::storage
