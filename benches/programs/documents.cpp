// Documents of nested objects and lists, built from text, changed, written out
// again and dropped.
#include "common.h"

#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace {

constexpr size_t DOCUMENTS = 50;
constexpr int DEPTH = 4;

struct Node;
using List = std::vector<std::unique_ptr<Node>>;
using Object = std::map<std::string, std::unique_ptr<Node>>;
struct Node { std::variant<std::string, List, Object> content; };

// Text in the form that `parse` reads: words, (lists) and {key objects}.
void write_random(rng &random, int depth, std::string &text) {
    size_t kind = depth ? rng_below(&random, 4) : 0;
    if (kind == 0) {
        text.append(rng_size(&random, 2, 6), static_cast<char>('a' + rng_below(&random, 26)));
        text += ' ';
        return;
    }
    text += kind == 1 ? "{ " : "( ";
    for (size_t i = 0; i < 8; i++) {
        if (kind == 1) text += "key-number-" + std::to_string(i) + " ";
        write_random(random, depth - 1, text);
    }
    text += kind == 1 ? "} " : ") ";
}

struct Reader {
    const std::string &text;
    size_t at = 0;

    std::string token() {
        size_t start = at, end = text.find(' ', at);
        at = end + 1;
        return text.substr(start, end - start);
    }

    std::unique_ptr<Node> parse(std::string first) {
        auto node = std::make_unique<Node>();
        if (first == "(") node->content = list();
        else if (first == "{") node->content = object();
        else node->content = std::move(first);
        return node;
    }

    List list() {
        List items;
        for (auto next = token(); next != ")"; next = token()) items.push_back(parse(next));
        return items;
    }

    Object object() {
        Object members;
        for (auto key = token(); key != "}"; key = token()) members[key] = parse(token());
        return members;
    }
};

// Drops every third item of a list and renames the members of objects.
void change(Node &node) {
    if (auto *items = std::get_if<List>(&node.content)) {
        for (size_t i = items->size(); i-- > 0;)
            if (i % 3 == 0) items->erase(items->begin() + static_cast<long>(i));
            else change(*(*items)[i]);
    } else if (auto *members = std::get_if<Object>(&node.content)) {
        Object renamed;
        for (auto &[key, member] : *members) {
            change(*member);
            renamed[key + "-renamed"] = std::move(member);
        }
        *members = std::move(renamed);
    }
}

void write(const Node &node, std::string &text) {
    if (auto *word = std::get_if<std::string>(&node.content)) text += *word + " ";
    else if (auto *items = std::get_if<List>(&node.content))
        for (const auto &item : *items) write(*item, text);
    else
        for (const auto &[key, member] : std::get<Object>(node.content)) {
            text += key + " ";
            write(*member, text);
        }
}

} // namespace

int main(int argc, char **argv) {
    rng random = {14};
    size_t sum = 0;
    for (size_t left = share_of(DOCUMENTS, argc, argv); left; left--) {
        std::string text = "( ", changed;
        for (int i = 0; i < 12; i++) write_random(random, DEPTH, text);
        text += ") ";
        Reader reader{text};
        auto document = reader.parse(reader.token());
        change(*document);
        write(*document, changed);
        sum += text.size() + changed.size();
    }
    printf("%zu\n", sum);
}
