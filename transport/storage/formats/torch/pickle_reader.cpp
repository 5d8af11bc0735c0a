#include "transport/storage/formats/torch/pickle_reader.hpp"

#include <utility>

#include "transport/storage/formats/torch/pickle_codes.hpp"

namespace locum::storage {

Error PickleReader::damaged(const std::string& reason) const {
  return Error(Errc::corrupt, "at byte " + std::to_string(instruction_) + " of data.pkl: " + reason +
                                  "; the file is damaged");
}

Error PickleReader::unsupported(const std::string& reason) const {
  return Error(Errc::unsupported, "at byte " + std::to_string(instruction_) + " of data.pkl: " + reason);
}

Result<PickleGraph> PickleReader::read() && {
  for (;;) {
    instruction_ = at_;
    if (at_ == graph_.bytes.size()) {
      return damaged("it ends without the instruction STOP");
    }
    const auto step = execute(static_cast<std::uint8_t>(graph_.bytes[at_++]));
    if (!step) {
      return step.error();
    }
    if (*step == Step::stop) {
      break;
    }
  }
  if (stack_.size() != 1 || !marks_.empty()) {
    return damaged("it ends with " + std::to_string(stack_.size()) + " values instead of one");
  }
  if (at_ != graph_.bytes.size()) {
    return damaged(std::to_string(graph_.bytes.size() - at_) + " bytes follow its end");
  }
  graph_.root = stack_.back();
  return std::move(graph_);
}

Result<PickleReader::Step> PickleReader::execute(std::uint8_t code) {
  switch (code) {
    case pickle::proto: {
      const auto version = number(1);
      if (!version || *version > 5) {
        return version ? unsupported("it is of protocol " + std::to_string(*version) +
                                     " of Python's pickle; only 2 to 5 are read")
                       : version.error();
      }
      return Step::go_on;
    }
    case pickle::frame: {
      const auto length = number(8);
      if (!length || *length > graph_.bytes.size() - at_) {
        return length ? damaged("a frame is longer than the pickle") : length.error();
      }
      return Step::go_on;
    }
    case pickle::stop:
      return Step::stop;
    case pickle::none:
      return push({});
    case pickle::new_true:
    case pickle::new_false:
      return push({Kind::boolean, 0, code == pickle::new_true ? 1U : 0U});
    case pickle::mark:
      marks_.push_back(stack_.size());
      return Step::go_on;
    default:
      return execute_number(code);
  }
}

Result<PickleReader::Step> PickleReader::execute_number(std::uint8_t code) {
  const auto push_number = [this](std::size_t bytes) -> Result<Step> {
    const auto value = number(bytes);
    if (!value) {
      return value.error();
    }
    // Four bytes have a sign; one and two have none.
    const auto with_sign = static_cast<std::int64_t>(static_cast<std::int32_t>(*value & 0xFFFFFFFFU));
    return push({Kind::integer, 0, bytes == 4 ? static_cast<std::uint64_t>(with_sign) : *value});
  };
  switch (code) {
    case pickle::bin_int:
      return push_number(4);
    case pickle::bin_int1:
      return push_number(1);
    case pickle::bin_int2:
      return push_number(2);
    case pickle::long1:
      return push_long(1);
    case pickle::long4:
      return push_long(4);
    case pickle::bin_float: {
      const auto bits = number(8);  // the only number of a pickle that is big-endian
      return bits ? Result<Step>(push({Kind::real, 0, __builtin_bswap64(*bits)})) : bits.error();
    }
    default:
      return execute_text(code);
  }
}

Result<PickleReader::Step> PickleReader::execute_text(std::uint8_t code) {
  switch (code) {
    case pickle::short_bin_unicode:
      return push_text(Kind::text, 1);
    case pickle::bin_unicode:
      return push_text(Kind::text, 4);
    case pickle::bin_unicode8:
      return push_text(Kind::text, 8);
    case pickle::short_bin_bytes:
      return push_text(Kind::bytes, 1);
    case pickle::bin_bytes:
      return push_text(Kind::bytes, 4);
    case pickle::bin_bytes8:
      return push_text(Kind::bytes, 8);
    default:
      return execute_container(code);
  }
}

Result<PickleReader::Step> PickleReader::execute_container(std::uint8_t code) {
  switch (code) {
    case pickle::empty_list:
      return push_node(Kind::list, {});
    case pickle::empty_dict:
      return push_node(Kind::dict, {});
    case pickle::empty_tuple:
      return push_node(Kind::tuple, {});
    case pickle::tuple1:
    case pickle::tuple2:
    case pickle::tuple3:
      return push_tuple(code - pickle::tuple1 + 1U);
    case pickle::tuple: {
      const auto first = pop_mark();
      return first ? push_tuple(stack_.size() - *first) : first.error();
    }
    case pickle::append:
    case pickle::set_item: {
      const std::size_t items = code == pickle::append ? 1 : 2;
      if (auto enough = need(items + 1); !enough) {
        return enough.error();
      }
      return add_items(code == pickle::append ? Kind::list : Kind::dict, stack_.size() - items);
    }
    case pickle::appends:
    case pickle::set_items: {
      const auto first = pop_mark();
      return first ? add_items(code == pickle::appends ? Kind::list : Kind::dict, *first) : first.error();
    }
    default:
      return execute_memo(code);
  }
}

Result<PickleReader::Step> PickleReader::execute_memo(std::uint8_t code) {
  switch (code) {
    case pickle::memoize:
      return store(memo_.size());
    case pickle::bin_put:
    case pickle::long_bin_put: {
      const auto index = number(code == pickle::bin_put ? 1 : 4);
      return index ? store(*index) : index.error();
    }
    case pickle::bin_get:
    case pickle::long_bin_get: {
      const auto index = number(code == pickle::bin_get ? 1 : 4);
      return index ? recall(*index) : index.error();
    }
    case pickle::pop:
      if (auto enough = need(1); !enough) {
        return enough.error();
      }
      stack_.pop_back();
      return Step::go_on;
    case pickle::pop_mark: {
      const auto first = pop_mark();
      if (!first) {
        return first.error();
      }
      stack_.resize(*first);
      return Step::go_on;
    }
    case pickle::dup:
      if (auto enough = need(1); !enough) {
        return enough.error();
      }
      return push(PickleValue(stack_.back()));
    default:
      return execute_object(code);
  }
}

Result<PickleReader::Step> PickleReader::execute_object(std::uint8_t code) {
  switch (code) {
    case pickle::global:
      return push_global_of_lines();
    case pickle::stack_global:
      return push_global_of_stack();
    case pickle::reduce:
      return reduce();
    case pickle::build:
      return build();
    case pickle::bin_persid: {
      if (auto enough = need(1); !enough) {
        return enough.error();
      }
      const PickleValue identifier = stack_.back();
      stack_.pop_back();
      return push_node(Kind::storage, {identifier});
    }
    default:
      break;
  }
  if (const std::string_view name = pickle::name_of_unread(code); !name.empty()) {
    return unsupported("it uses the instruction " + std::string(name) +
                       " of Python's pickle; only tensors and plain values (None, bool, int, float, str, "
                       "bytes, list, tuple, dict) are read: save those");
  }
  return damaged("it has the instruction " + std::to_string(code) + ", which pickles do not have");
}

Result<void> PickleReader::need(std::size_t items) const {
  const std::size_t below = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() - below < items) {
    return damaged("an instruction takes more values than there are");
  }
  return {};
}

Result<PickleReader::Step> PickleReader::push_tuple(std::size_t items) {
  if (auto enough = need(items); !enough) {
    return enough.error();
  }
  const auto first = stack_.end() - static_cast<std::ptrdiff_t>(items);
  std::vector<PickleValue> taken(first, stack_.end());
  stack_.erase(first, stack_.end());
  return push_node(Kind::tuple, std::move(taken));
}

Result<PickleReader::Step> PickleReader::push_node(Kind kind, std::vector<PickleValue> items) {
  graph_.nodes.push_back({instruction_, std::move(items)});
  return push({kind, 0, graph_.nodes.size() - 1});
}

Result<PickleReader::Step> PickleReader::add_items(Kind kind, std::size_t first) {
  const std::size_t below = marks_.empty() ? 0 : marks_.back();
  if (first <= below || stack_[first - 1].kind != kind) {
    return damaged("items are added to what is neither a list nor a dict");
  }
  if (kind == Kind::dict && (stack_.size() - first) % 2 != 0) {
    return damaged("a key of a dict has no value");
  }
  auto& items = graph_.nodes[static_cast<std::size_t>(stack_[first - 1].number)].items;
  items.insert(items.end(), stack_.begin() + static_cast<std::ptrdiff_t>(first), stack_.end());
  stack_.resize(first);
  return Step::go_on;
}

Result<PickleReader::Step> PickleReader::store(std::uint64_t index) {
  if (auto enough = need(1); !enough) {
    return enough.error();
  }
  // Indices are consecutive, but for those of values that are not used again.
  if (index >= graph_.bytes.size()) {
    return damaged("the memo has an index that is larger than the pickle");
  }
  if (index >= memo_.size()) {
    memo_.resize(static_cast<std::size_t>(index) + 1);
    is_stored_.resize(memo_.size());
  }
  memo_[static_cast<std::size_t>(index)] = stack_.back();
  is_stored_[static_cast<std::size_t>(index)] = true;
  return Step::go_on;
}

Result<PickleReader::Step> PickleReader::recall(std::uint64_t index) {
  if (index >= memo_.size() || !is_stored_[static_cast<std::size_t>(index)]) {
    return damaged("value " + std::to_string(index) + " of the memo was not stored");
  }
  return push(PickleValue(memo_[static_cast<std::size_t>(index)]));
}

Result<PickleReader::Step> PickleReader::reduce() {
  if (auto enough = need(2); !enough) {
    return enough.error();
  }
  const PickleValue arguments = stack_.back();
  stack_.pop_back();
  const PickleValue function = stack_.back();
  stack_.pop_back();
  if (function.kind != Kind::global || arguments.kind != Kind::tuple) {
    return damaged("what is called is no function, or its arguments are no tuple");
  }
  // An OrderedDict is filled after its call.
  if (known_[static_cast<std::size_t>(function.number)] == "collections.OrderedDict" &&
      graph_.node(arguments).items.empty()) {
    return push_node(Kind::dict, {});
  }
  return push_node(Kind::call, {function, arguments});
}

Result<PickleReader::Step> PickleReader::build() {
  if (auto enough = need(2); !enough) {
    return enough.error();
  }
  const PickleValue state = stack_.back();
  stack_.pop_back();
  // torch gives its dicts of parameters an attribute with the versions of its modules.
  const bool is_dict = stack_.back().kind == Kind::dict && state.kind == Kind::dict;
  if (!is_dict || graph_.node(state).items.size() != 2 || !graph_.node(state).items[0].is_text() ||
      graph_.text(graph_.node(state).items[0]) != "_metadata") {
    return unsupported(
        "an object has attributes of its own; only tensors and plain values are read: save those");
  }
  return Step::go_on;
}

Result<std::size_t> PickleReader::pop_mark() {
  if (marks_.empty()) {
    return damaged("an instruction takes values from a mark on, but there is none");
  }
  const std::size_t first = marks_.back();
  marks_.pop_back();
  return first;
}

}  // namespace locum::storage
