#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/value/result.hpp"
#include "transport/storage/formats/torch/pickle_graph.hpp"

namespace locum::storage {

/// Reads pickles of Python: programs for a machine with a stack, whose instructions make values. Takes those
/// of protocols 2 to 5 that describe plain data. Calls nothing: a call of a function is kept as a value, and
/// functions are only taken whose names are known. Memory and time are proportional to the pickle.
class PickleReader {
 public:
  /// \param bytes of the pickle, which the graph refers to \param known names of functions and classes that
  /// may occur ("module.name")
  PickleReader(std::string_view bytes, std::span<const std::string_view> known)
      : known_(known), graph_{.bytes = bytes, .nodes = {}, .root = {}} {}

  /// Reads the pickle. `corrupt` if it is none; `unsupported` names what is more than plain data.
  [[nodiscard]] Result<PickleGraph> read() &&;

 private:
  using Kind = PickleValue::Kind;

  enum class Step : std::uint8_t { go_on, stop };
  Result<Step> execute(std::uint8_t code);
  Result<Step> execute_text(std::uint8_t code);
  Result<Step> execute_number(std::uint8_t code);
  Result<Step> execute_container(std::uint8_t code);
  Result<Step> execute_memo(std::uint8_t code);
  Result<Step> execute_object(std::uint8_t code);

  Result<std::uint64_t> number(std::size_t bytes);
  Result<Step> push_text(Kind kind, std::size_t length_bytes);
  Result<Step> push_long(std::size_t length_bytes);
  Result<Step> push_global(std::string_view module, std::string_view name);
  Result<Step> push_global_of_lines();
  Result<Step> push_global_of_stack();
  Result<std::string_view> line();
  Result<Step> push_tuple(std::size_t items);
  Result<Step> push_node(Kind kind, std::vector<PickleValue> items);
  Result<Step> add_items(Kind kind, std::size_t first);
  Result<Step> store(std::uint64_t index);
  Result<Step> recall(std::uint64_t index);
  Result<Step> reduce();
  Result<Step> build();
  Result<std::size_t> pop_mark();
  Step push(PickleValue value) {
    stack_.push_back(value);
    return Step::go_on;
  }
  [[nodiscard]] Result<void> need(std::size_t items) const;
  [[nodiscard]] Error damaged(const std::string& reason) const;
  [[nodiscard]] Error unsupported(const std::string& reason) const;

  std::span<const std::string_view> known_;
  PickleGraph graph_;
  std::size_t at_ = 0;           ///< of the next byte
  std::size_t instruction_ = 0;  ///< where the current one begins
  std::vector<PickleValue> stack_;
  std::vector<std::size_t> marks_;  ///< sizes of the stack
  std::vector<PickleValue> memo_;
  std::vector<bool> is_stored_;  ///< of each entry of the memo
};

}  // namespace locum::storage
