#include "core/value/error.hpp"

#include <mutex>
#include <ostream>
#include <system_error>
#include <utility>

#include "core/value/key.hpp"
#include "core/value/result.hpp"

namespace locum {

/// The shared state of an error's copies. An error that adds the key or rank to another one has a separate
/// body, which refers to that one's for code and texts.
struct Error::Body {
  Body(Errc error_code, std::string error_text, std::string foreign_text)
      : code(error_code), text(std::move(error_text)), detail(std::move(foreign_text)) {}
  Body(std::shared_ptr<const Body> said_by, std::string about, int at_rank, bool is_transient)
      : code(said_by->code),
        cause(std::move(said_by)),
        key(std::move(about)),
        rank(at_rank),
        transient(is_transient) {}

  const Errc code;
  const std::string text;
  const std::string detail;
  const std::shared_ptr<const Body> cause;  ///< has text and detail; null if they are here
  const std::string key;
  const int rank = -1;
  const bool transient = false;

  mutable std::once_flag composed;
  mutable std::string message;

  [[nodiscard]] const Body& said() const noexcept { return cause ? *cause : *this; }
  void compose() const;
};

// Names may contain any bytes: one that is no text would end what(), or change a terminal.
void append_printable(std::string& text, std::string_view name) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char each : name) {
    const auto byte = static_cast<unsigned char>(each);
    if (byte >= 0x20 && byte != 0x7f) {
      text.push_back(each);
    } else {
      text.append("\\x").append({digits[byte >> 4U], digits[byte & 0xFU]});
    }
  }
}

void Error::Body::compose() const {
  std::string all(to_string(code));
  all.append(": ").append(said().text);
  if (!said().detail.empty()) {
    all.append(" (").append(said().detail).append(")");
  }
  if (!key.empty()) {
    all.append(" [key ");
    append_printable(all, key);
    all.append("]");
  }
  if (rank >= 0) {
    all.append(" [rank ").append(std::to_string(rank)).append("]");
  }
  message = std::move(all);
}

namespace {

std::string shortened(std::string_view key) {
  constexpr std::size_t longest = 128;
  if (key.size() <= longest) {
    return std::string(key);
  }
  std::string printed;
  printed.reserve(longest + sizeof "… (18446744073709551615 bytes)");
  printed.append(key.substr(0, longest)).append("… (").append(std::to_string(key.size())).append(" bytes)");
  return printed;
}

}  // namespace

std::string_view to_string(Errc code) noexcept {
  switch (code) {
    case Errc::invalid_argument:
      return "invalid_argument";
    case Errc::not_found:
      return "not_found";
    case Errc::key_exists:
      return "key_exists";
    case Errc::type_mismatch:
      return "type_mismatch";
    case Errc::stale:
      return "stale";
    case Errc::out_of_memory:
      return "out_of_memory";
    case Errc::timeout:
      return "timeout";
    case Errc::peer_lost:
      return "peer_lost";
    case Errc::corrupt:
      return "corrupt";
    case Errc::closed:
      return "closed";
    case Errc::options_differ:
      return "options_differ";
    case Errc::unsupported:
      return "unsupported";
    case Errc::system:
      return "system";
    case Errc::cancelled:
      return "cancelled";
    case Errc::broken_promise:
      return "broken_promise";
    case Errc::end_of_stream:
      return "end_of_stream";
    case Errc::queue_full:
      return "queue_full";
    case Errc::value_too_large:
      return "value_too_large";
  }
  return "unknown";
}

Error::Error(Errc code, std::string text, std::string detail)
    : body_(std::make_shared<const Body>(code, std::move(text), std::move(detail))) {}

Error::Error(const Error& cause, std::string key, int rank, bool transient)
    : body_(std::make_shared<const Body>(cause.body_->cause ? cause.body_->cause : cause.body_,
                                         std::move(key), rank, transient)) {}

Errc Error::code() const noexcept {
  return body_->code;
}
const char* Error::what() const noexcept {
  try {
    std::call_once(body_->composed, [this] { body_->compose(); });
    return body_->message.c_str();
  } catch (const std::exception&) {
    return text().c_str();
  }
}
const std::string& Error::text() const noexcept {
  return body_->said().text;
}
const std::string& Error::detail() const noexcept {
  return body_->said().detail;
}
const std::string& Error::key() const noexcept {
  return body_->key;
}
int Error::rank() const noexcept {
  return body_->rank;
}
bool Error::is_transient() const noexcept {
  return body_->transient;
}

Error Error::about(std::string_view key) const {
  return about(key, rank());
}
Error Error::at_rank(int rank) const {
  return {*this, key(), rank, is_transient()};
}
Error Error::about(std::string_view key, int rank) const {
  return {*this, shortened(key), rank, is_transient()};
}
Error Error::about(const Key& key, int rank) const {
  return {*this, to_string(key), rank, is_transient()};
}
Error Error::as_transient() const {
  return {*this, key(), rank(), true};
}

// Never destroyed: threads of the program may still use it during exit.
Error no_such_object() {
  static const Error* const error =
      new Error(Errc::not_found, "no such object; it was never put, or it has been evicted");
  return *error;
}

Error name_not_put() {
  static const Error* const error =
      new Error(Errc::timeout,
                "no object had this name before the deadline: nobody put it, or it was evicted before it "
                "could be read; wait longer, or check the rank that should put it");
  return *error;
}

Error no_memory_left() {
  static const Error* const error = new Error(
      Errc::out_of_memory,
      "this process, or the one that served the request, has no free memory; free some, and try again");
  return *error;
}

Error system_error(std::string text, int error_number) {
  return Error(Errc::system, std::move(text), std::generic_category().message(error_number));
}

std::ostream& operator<<(std::ostream& out, const Error& error) {
  return out << error.what();
}

namespace {

// Never destroyed: static objects of the program may still ask for it at their end.
const Error& has_a_value() {
  static const Error* const error = new Error(
      Errc::invalid_argument, "this result has a value, and so no error; ask first whether it has one");
  return *error;
}

}  // namespace

const Error& detail::no_error() noexcept {
  return has_a_value();
}

}  // namespace locum
