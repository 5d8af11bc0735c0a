#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

namespace locum {

/// Sets an environment variable of this process to another value until the end of the scope.
class Environment {
 public:
  Environment(std::string name, const char* value) : name_(std::move(name)) {
    const char* before = std::getenv(name_.c_str());
    before_ = before == nullptr ? std::nullopt : std::optional<std::string>(before);
    setenv(name_.c_str(), value, 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    if (before_) {
      setenv(name_.c_str(), before_->c_str(), 1);
    } else {
      unsetenv(name_.c_str());
    }
  }

 private:
  std::string name_;
  std::optional<std::string> before_;
};

}  // namespace locum
