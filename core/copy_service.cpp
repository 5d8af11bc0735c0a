#include "core/copy_service.hpp"

#include <utility>

#include "core/internal_stores.hpp"

namespace locum {

CopyService::CopyService(NodeMemory local, Copies copies, std::shared_ptr<Exchange> exchange,
                         std::shared_ptr<Nodes> nodes, std::uint64_t inline_bytes)
    : local_(std::move(local)),
      copies_(std::move(copies)),
      exchange_(std::move(exchange)),
      nodes_(std::move(nodes)),
      inline_bytes_(inline_bytes) {}

int CopyService::node_of(const Question& question) const {
  return nodes_->of_creator(static_cast<std::uint32_t>(question.from));
}

void CopyService::refuse(const Question& question, const Error& error) {
  exchange_->refuse(question.from, question.call, error);
}

void CopyService::refuse_senseless(const Question& question) {
  refuse(question, Error(Errc::invalid_argument, "rank " + std::to_string(question.from) +
                                                     " asked about a copy what makes no sense"));
}

void CopyService::copy(const Question& question) {
  const auto asked = read_words<KeyWords>(question.body);
  if (!asked) {
    return refuse_senseless(question);
  }
  const auto pin = local_.pin_object(asked->key);
  if (!pin) {
    copies_.sets->dissolve(asked->key);
    return refuse(question, pin.error());
  }
  const auto object = std::make_shared<PinnedObject>(local_.table, *pin);
  if (!local_.holds(*pin->record)) {
    return refuse(question,
                  Error(Errc::corrupt, "the table entry of this object points outside the node's memory"));
  }
  const auto block = local_.block(*pin);
  const int node = node_of(question);
  const bool shareable = block.size() > inline_bytes_ && node != nodes_->own();
  const bool listed = shareable && copies_.sets->enter(asked->key, node);
  const CopyWords words_of_it{.object = wire_of(*pin, pin->generation), .listed = listed ? 1U : 0U};
  exchange_->answer(question.from, question.call, words(words_of_it), {block, object});
}

void CopyService::invalidate(const Question& question) {
  const auto asked = read_words<KeyWords>(question.body);
  if (!asked || nodes_->of_creator(asked->key.creator) != node_of(question)) {
    return refuse_senseless(question);
  }
  const auto gone = copies_.here->invalidate(asked->key);
  if (!gone) {
    return refuse(question, gone.error());
  }
  exchange_->answer(question.from, question.call, {});
}

void CopyService::join(const Question& question) {
  const auto asked = read_words<JoinWords>(question.body);
  if (!asked || node_of(question) != nodes_->own()) {
    return refuse_senseless(question);
  }
  copies_.flights->join(
      asked->key, asked->generation,
      [exchange = exchange_, to = question.from, call = question.call](Flights::Ending ending) {
        const auto word = static_cast<std::uint8_t>(ending);
        exchange->answer(to, call, words(word));
      });
}

}  // namespace locum
