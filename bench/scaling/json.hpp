#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace scaling {

/// Writes one JSON value, two spaces for each level. `Json json; json.begin_object(); json.field("ranks", 4);
/// json.end_object(); json.text()`. Numbers that are not finite become null, because JSON has none.
class Json {
 public:
  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  /// What is written next is the value of this member.
  void name(std::string_view name);
  void value(double number);
  void value(std::int64_t number);
  void value(std::uint64_t number);
  void value(int number) { value(static_cast<std::int64_t>(number)); }
  void value(std::string_view text);
  void value(const char* text) { value(std::string_view(text)); }
  /// All of them in one line.
  void value(const std::vector<double>& numbers);
  void null();

  template <class T>
  void field(std::string_view of, const T& content) {
    name(of);
    value(content);
  }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void open(char bracket);
  void close(char bracket);
  /// What separates the next value from the one before it.
  void separate();
  void append_number(double number);
  void append_quoted(std::string_view text);

  std::string text_;
  std::vector<bool> filled_;  ///< of each open bracket: whether it has a value already
  bool named_ = false;
};

}  // namespace scaling
