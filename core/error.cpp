#include "core/error.hpp"

#include <ostream>
#include <system_error>
#include <utility>

namespace locum {

struct Error::Body {
  Errc code;
  std::string text;
  std::string detail;
  std::string key;
  int rank;
  std::string message;

  Body(Errc error_code, std::string error_text, std::string foreign_text, std::string about, int at_rank)
      : code(error_code),
        text(std::move(error_text)),
        detail(std::move(foreign_text)),
        key(std::move(about)),
        rank(at_rank) {
    message.append(to_string(code)).append(": ").append(text);
    if (!detail.empty()) {
      message.append(" (").append(detail).append(")");
    }
    if (!key.empty()) {
      message.append(" [key ").append(key).append("]");
    }
    if (rank >= 0) {
      message.append(" [rank ").append(std::to_string(rank)).append("]");
    }
  }
};

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
  }
  return "unknown";
}

Error::Error(Errc code, std::string text, std::string detail)
    : body_(std::make_shared<const Body>(code, std::move(text), std::move(detail), std::string{}, -1)) {}

Errc Error::code() const noexcept {
  return body_->code;
}
const char* Error::what() const noexcept {
  return body_->message.c_str();
}
const std::string& Error::text() const noexcept {
  return body_->text;
}
const std::string& Error::detail() const noexcept {
  return body_->detail;
}
const std::string& Error::key() const noexcept {
  return body_->key;
}
int Error::rank() const noexcept {
  return body_->rank;
}

Error Error::about(std::string_view key) const {
  constexpr std::size_t longest = 128;
  std::string printed(key.substr(0, longest));
  if (key.size() > longest) {
    printed.append("… (").append(std::to_string(key.size())).append(" bytes)");
  }
  Error copy = *this;
  copy.body_ =
      std::make_shared<const Body>(body_->code, body_->text, body_->detail, std::move(printed), body_->rank);
  return copy;
}

Error Error::at_rank(int rank) const {
  Error copy = *this;
  copy.body_ = std::make_shared<const Body>(body_->code, body_->text, body_->detail, body_->key, rank);
  return copy;
}

Error system_error(std::string text, int error_number) {
  return Error(Errc::system, std::move(text), std::generic_category().message(error_number));
}

std::ostream& operator<<(std::ostream& out, const Error& error) {
  return out << error.what();
}

}  // namespace locum
