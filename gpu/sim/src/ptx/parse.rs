//! From pieces of text to functions.

use std::collections::HashMap;

use super::code::{Function, Instruction, Operation, Parameter, Register, Size};
use super::decode::{self, Operand};
use super::error::{Complaint, PtxError};
use super::token::{Token, tokens};

/// All functions of a text, kernels included.
pub(super) fn functions(text: &str) -> Result<Vec<Function>, PtxError> {
    let mut parser = Parser { tokens: tokens(text), at: 0 };
    let mut functions = Vec::new();
    while let Some(word) = parser.peek() {
        parser.at += 1;
        match word {
            ".version" | ".target" => _ = parser.word("a version or a target")?,
            ".address_size" => parser.expect("64")?,
            ".visible" => {}
            ".entry" => functions.push(parser.kernel(&functions)?),
            ".func" => functions.push(parser.function(&functions)?),
            other => return Err(parser.before(Complaint::Unknown(other.into()))),
        }
    }
    Ok(functions)
}

/// What names mean in a function.
pub(super) struct Names<'m> {
    /// The functions before this one.
    functions: &'m [Function],
    function: Function,
    registers: HashMap<String, Register>,
    labels: HashMap<String, usize>,
    /// Branches whose labels may still come: the instruction, and the label.
    branches: Vec<(usize, String)>,
}

impl<'m> Names<'m> {
    fn new(functions: &'m [Function], name: &str, is_kernel: bool) -> Self {
        let function = Function {
            name: name.into(),
            is_kernel,
            parameters: Vec::new(),
            arguments: Vec::new(),
            result: None,
            registers: Vec::new(),
            code: Vec::new(),
        };
        let (registers, labels) = (HashMap::new(), HashMap::new());
        Self { functions, function, registers, labels, branches: Vec::new() }
    }

    fn declare(&mut self, name: &str, size: Size) -> Register {
        let number = self.function.registers.len();
        self.function.registers.push(size);
        self.registers.insert(name.into(), number);
        number
    }

    /// The register of that name and size.
    pub(super) fn register(&self, name: &str, size: Size) -> Result<Register, Complaint> {
        let found = self.registers.get(name).copied();
        let number = found.ok_or_else(|| Complaint::Undeclared(name.into()))?;
        match self.function.registers.get(number) == Some(&size) {
            true => Ok(number),
            false => Err(Complaint::Size(name.into())),
        }
    }

    /// The number of the kernel's parameter of that name and size.
    pub(super) fn parameter(&self, name: &str, size: Size) -> Result<usize, Complaint> {
        let found = self.function.parameters.iter().position(|parameter| parameter.name == name);
        let number = found.ok_or_else(|| Complaint::Undeclared(name.into()))?;
        match self.function.parameters.get(number).is_some_and(|found| found.size == size) {
            true => Ok(number),
            false => Err(Complaint::Size(name.into())),
        }
    }

    /// The function of that name.
    pub(super) fn callee(&self, name: &str) -> Result<(usize, &'m Function), Complaint> {
        let is_it = |(_, function): &(usize, &Function)| function.name == name;
        let found = self.functions.iter().enumerate().find(is_it);
        found
            .filter(|(_, function)| !function.is_kernel)
            .ok_or_else(|| Complaint::Undeclared(name.into()))
    }

    /// Notes that the instruction that comes next branches to a label.
    pub(super) fn branch(&mut self, label: &str) {
        self.branches.push((self.function.code.len(), label.into()));
    }

    /// The function, with its branches where they belong.
    fn finish(mut self) -> Result<Function, PtxError> {
        for (from, label) in self.branches {
            let Some(instruction) = self.function.code.get_mut(from) else { continue };
            let undeclared = || Complaint::Undeclared(label.clone());
            let target = self.labels.get(&label).copied().ok_or_else(undeclared);
            let target = target.map_err(|what| PtxError { line: instruction.line, what })?;
            instruction.operation = Operation::Branch { target };
        }
        Ok(self.function)
    }
}

struct Parser<'t> {
    tokens: Vec<Token<'t>>,
    at: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t str> {
        self.tokens.get(self.at).map(|token| token.text)
    }

    /// The line of the next piece, or of the last one.
    fn line(&self) -> u32 {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |token| token.line)
    }

    fn error(&self, what: Complaint) -> PtxError {
        PtxError { line: self.line(), what }
    }

    /// An error in the piece that was just read.
    fn before(&mut self, what: Complaint) -> PtxError {
        self.at = self.at.saturating_sub(1);
        self.error(what)
    }

    fn expected(&self, wanted: &'static str) -> PtxError {
        let found = self.peek().unwrap_or_default().into();
        self.error(Complaint::Expected { wanted, found })
    }

    /// Passes over a piece, if it comes next.
    fn take(&mut self, piece: &str) -> bool {
        let is_next = self.peek() == Some(piece);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, piece: &'static str) -> Result<(), PtxError> {
        if self.take(piece) { Ok(()) } else { Err(self.expected(piece)) }
    }

    fn word(&mut self, wanted: &'static str) -> Result<&'t str, PtxError> {
        let is_word = |text: &&str| text.len() > 1 || text.chars().all(char::is_alphanumeric);
        let word = self.peek().filter(is_word).ok_or_else(|| self.expected(wanted))?;
        self.at += 1;
        Ok(word)
    }

    fn kernel(&mut self, functions: &[Function]) -> Result<Function, PtxError> {
        let mut names = Names::new(functions, self.word("a name")?, true);
        self.expect("(")?;
        while !self.take(")") {
            self.expect(".param")?;
            let size = self.size()?;
            let name = self.word("a name")?.into();
            names.function.parameters.push(Parameter { name, size });
            _ = self.take(",");
        }
        self.body(names)
    }

    fn function(&mut self, functions: &[Function]) -> Result<Function, PtxError> {
        let mut names = Names::new(functions, "", false);
        if self.take("(") {
            names.function.result = Some(self.declared(&mut names)?);
            self.expect(")")?;
        }
        names.function.name = self.word("a name")?.into();
        self.expect("(")?;
        while !self.take(")") {
            let argument = self.declared(&mut names)?;
            names.function.arguments.push(argument);
            _ = self.take(",");
        }
        self.body(names)
    }

    /// A register that a function takes or gives.
    fn declared(&mut self, names: &mut Names<'_>) -> Result<Register, PtxError> {
        self.expect(".reg")?;
        let size = self.size()?;
        Ok(names.declare(self.word("a name")?, size))
    }

    fn size(&mut self) -> Result<Size, PtxError> {
        match self.word("a type")? {
            ".pred" => Ok(Size::Predicate),
            ".b32" | ".u32" => Ok(Size::Half),
            ".b64" | ".u64" => Ok(Size::Word),
            other => Err(self.before(Complaint::Unknown(other.into()))),
        }
    }

    fn body(&mut self, mut names: Names<'_>) -> Result<Function, PtxError> {
        self.expect("{")?;
        while !self.take("}") {
            if self.take(".reg") {
                self.registers(&mut names)?;
            } else if self.tokens.get(self.at + 1).is_some_and(|next| next.text == ":") {
                let label = self.word("a label")?.into();
                self.at += 1;
                names.labels.insert(label, names.function.code.len());
            } else {
                let instruction = self.instruction(&mut names)?;
                names.function.code.push(instruction);
            }
        }
        names.finish()
    }

    /// `.b64 %a, %b<3>;`, where the latter are `%b0` to `%b2`.
    fn registers(&mut self, names: &mut Names<'_>) -> Result<(), PtxError> {
        let size = self.size()?;
        loop {
            let name = self.word("a name")?;
            if self.take("<") {
                for number in 0..self.number()?.min(1 << 16) {
                    names.declare(&format!("{name}{number}"), size);
                }
                self.expect(">")?;
            } else {
                names.declare(name, size);
            }
            if self.take(";") {
                return Ok(());
            }
            self.expect(",")?;
        }
    }

    fn number(&mut self) -> Result<u64, PtxError> {
        let word = self.word("a number")?;
        number(word).ok_or_else(|| {
            self.at -= 1;
            self.expected("a number")
        })
    }

    fn instruction(&mut self, names: &mut Names<'_>) -> Result<Instruction, PtxError> {
        let line = self.line();
        let at_line = |what| PtxError { line, what };
        let guard = if self.take("@") {
            let if_so = !self.take("!");
            let register = names.register(self.word("a predicate")?, Size::Predicate);
            Some((register.map_err(at_line)?, if_so))
        } else {
            None
        };
        let opcode = self.word("an instruction")?;
        let mut operands = Vec::new();
        while !self.take(";") {
            operands.push(self.operand()?);
            if self.peek() != Some(";") {
                self.expect(",")?;
            }
        }
        let operation = decode::operation(opcode, &operands, names).map_err(at_line)?;
        Ok(Instruction { line, guard, operation })
    }

    fn operand(&mut self) -> Result<Operand<'t>, PtxError> {
        if self.take("[") {
            let base = self.word("a register or a parameter")?;
            let distance = if self.take("+") { self.number()? } else { 0 };
            self.expect("]")?;
            return Ok(Operand::Place { base, distance });
        }
        if !self.take("(") {
            return self.word("an operand").map(Operand::Word);
        }
        let mut words = Vec::new();
        while !self.take(")") {
            words.push(self.word("a value")?);
            _ = self.take(",");
        }
        Ok(Operand::Words(words))
    }
}

/// A number as it is written, if it is one.
pub(super) fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
